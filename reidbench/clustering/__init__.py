"""Images in clusters, one for each animal: a graph over calibrated pair probabilities, cut where calibration says."""
