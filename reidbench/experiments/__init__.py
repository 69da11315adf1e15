"""Many runs: benchmark files, grid search, isolation, repetition, and other thresholds or galleries for a saved run."""
