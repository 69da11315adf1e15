"""How the package's starter weights are made: python -m benchmarks.starter --work DIR -o FILE."""
