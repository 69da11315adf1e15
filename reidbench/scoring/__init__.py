"""Score files of predictions or clusters against a truth file: the core of ``reidbench score``."""
