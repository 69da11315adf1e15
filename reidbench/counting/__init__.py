"""Estimate the number of animals from predictions with errors, and the effort of review: ``reidbench census``."""
