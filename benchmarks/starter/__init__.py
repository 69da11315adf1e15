"""Make the starter weights of the package: ``python -m benchmarks.starter --work DIR -o FILE``."""
