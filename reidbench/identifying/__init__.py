"""New photographs against a saved run: ask its method, review, enrol."""
