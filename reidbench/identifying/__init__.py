"""Identify new photographs with a saved run, and enrol the reviewed ones: the core of ``reidbench identify``."""
