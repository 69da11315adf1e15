"""The version of this package, where everything may read it without importing the public names."""

__version__ = "0.2.0"
