"""Generalised mean pooling and batch norm behind a network's features, as MiewID embeds images.

Source: Radenović et al., "Fine-tuning CNN image retrieval with no human annotation", 2018 (the pooling);
Otarashvili et al., arXiv 2412.05602 (MiewID).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from typing_extensions import override

_SMALLEST = 1e-6


class GeneralisedMean(nn.Module):
    """The mean of p-th powers over all places, and its p-th root; p = 1 is the mean, a large p the maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), 3.0))

    @override
    def forward(self, features: Tensor) -> Tensor:
        """Pool ``(n, channels, height, width)`` to ``(n, channels)`` in float32: powers overflow half precision."""
        positive = features.float().clamp(min=_SMALLEST)
        exponent = self.p.float()
        return positive.pow(exponent).mean((-2, -1)).pow(1 / exponent)


class GemNetwork(nn.Module):
    """A feature map, generalised mean pooling, batch norm.

    Args:
        backbone: A network that gives ``(n, channels, height, width)``.
        n_feature: Channels of that map.
    """

    def __init__(self, backbone: nn.Module, n_feature: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = GeneralisedMean()
        self.bn = nn.BatchNorm1d(n_feature)

    @override
    def forward(self, images: Tensor) -> Tensor:
        embedding: Tensor = self.bn(self.pooling(self.backbone(images)).to(self.bn.weight.dtype))
        return embedding


def checkpoint_filter_fn(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Give the keys of published files the names used here, and leave out the head of the training."""
    renamed = {}
    for key, value in state.items():
        if key.startswith(("final.", "backbone.classifier.")):
            continue
        renamed["pooling.p" if key in ("backbone.global_pool.p", "global_pool.p") else key] = value
    return renamed
