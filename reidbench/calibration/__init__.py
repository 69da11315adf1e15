"""Score calibration: a rising curve from similarity to the probability that two images show the same animal."""
