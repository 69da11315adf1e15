"""Training of embedding and classifier networks: settings, batches, losses, augmentation and the training loop.

Only :mod:`reidbench.networks.training.settings` does not import torch. Import the other modules inside the method that
trains.
"""
