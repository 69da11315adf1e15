"""Readers of image sets: tables, folders, classes of wildlife-datasets, and datasets of plugins."""
