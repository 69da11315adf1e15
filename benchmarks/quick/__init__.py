"""The search for the settings of the preset ``quick`` of ``triplet_effnet`` on photographs."""
