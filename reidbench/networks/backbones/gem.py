"""Generalised mean pooling and batch norm after a network's feature map, as in MiewID.

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
    """Generalised mean over all positions: the p-th root of the mean of p-th powers.

    p = 1 gives the mean; a large p is close to the maximum.
    """

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), 3.0))

    @override
    def forward(self, features: Tensor) -> Tensor:
        """Pool ``(n, channels, height, width)`` to ``(n, channels)``, in float32 because powers overflow float16."""
        positive = features.float().clamp(min=_SMALLEST)
        exponent = self.p.float()
        return positive.pow(exponent).mean((-2, -1)).pow(1 / exponent)


class GemNetwork(nn.Module):
    """A backbone, generalised mean pooling and batch norm.

    Args:
        backbone: A network with output ``(n, channels, height, width)``.
        n_feature: Number of channels of this output.
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
    """Rename the keys of published MiewID files to those of :class:`GemNetwork`, and drop the head of the training."""
    renamed = {}
    for key, value in state.items():
        if key.startswith(("final.", "backbone.classifier.")):
            continue
        renamed["pooling.p" if key in ("backbone.global_pool.p", "global_pool.p") else key] = value
    return renamed
