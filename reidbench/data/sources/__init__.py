"""Readers of image sets: tables, folders, classes of wildlife-datasets, and what plugins offer."""
