"""Find copies, leaks across a split and doubtful names in a dataset: the core of ``reidbench audit``."""
