"""Detect networks whose batch norm is folded into their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def has_folded_batch_norm(network: nn.Module) -> bool:
    """Return whether batch norm is folded into the convolutions, so that every batch norm layer only adds a bias.

    The statistics of such layers do not come from data. Training would replace them and rescale every layer at the
    first batch, so they must be kept. A network without batch norm, or a new one (all biases 0), is not folded.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    biased = False
    for layer in layers:
        if layer.running_mean is None or layer.running_var is None or not layer.affine:
            return False
        with torch.no_grad():
            # Files store the variance as 1 or as 1 - eps; with 1 - eps the layer divides by exactly 1.
            scale = layer.weight / (layer.running_var + layer.eps).sqrt()
            if layer.running_mean.abs().max() > 1e-6 or (scale - 1).abs().max() > 2 * layer.eps + 1e-4:
                return False
            biased = biased or bool(layer.bias.abs().max() > 0)
    return biased
