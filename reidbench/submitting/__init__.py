"""Write the submission file of a competition with a saved run: the core of ``reidbench submit``."""
