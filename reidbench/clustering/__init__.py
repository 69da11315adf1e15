"""Cluster images into animals: a graph of pair probabilities, cut at a height chosen on calibration images."""
