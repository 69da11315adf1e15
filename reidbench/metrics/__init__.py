"""Metrics: arrays in, numbers out. This package reads no file, prints nothing and knows no method."""
