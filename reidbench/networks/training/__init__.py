"""What plugins that train an embedding share: settings, sampler, losses, augmentation and the loop.

Only :mod:`reidbench.networks.training.settings` is free of torch; import the rest inside the method that trains.
"""
