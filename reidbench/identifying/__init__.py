"""New photographs against a saved run: rebuild its method, answer, review, enrol."""
