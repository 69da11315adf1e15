"""Score calibration: a monotone map from a method's similarity to the probability that two images show one animal."""
