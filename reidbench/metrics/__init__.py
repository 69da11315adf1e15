"""Metrics: arrays in, numbers out. Nothing here reads a file, prints, or knows a method."""
