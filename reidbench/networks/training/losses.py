"""Losses over a batch of embeddings: batch-hard triplet, and a cosine softmax to go beside it.

The triplet loss uses plain (not squared) Euclidean distance and averages over every anchor that has
a positive and a negative, zeros included: averaging the violating ones alone would keep the loss
near the margin however well the rest is separated.

Source: Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person Re-Identification", 2017.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class TripletLoss(NamedTuple):
    """A loss with the two distances that tell learning from collapse (both near 0, loss near the margin)."""

    loss: Tensor
    hardest_positive: Tensor
    hardest_negative: Tensor


def pairwise_distance(embedding: Tensor) -> Tensor:
    """Return Euclidean distances ``(n, n)``, exactly 0 with gradient 0 between equal vectors."""
    # Differences, not the expanded square: that loses half of the digits where distances are small.
    squared = (embedding[:, None, :] - embedding[None, :, :]).square().sum(-1)
    positive = squared > 0
    # sqrt has an infinite gradient at 0, and 0 * inf would make nan of the whole batch.
    return torch.where(positive, squared, torch.ones_like(squared)).sqrt() * positive


def batch_hard_triplet(embedding: Tensor, labels: Tensor, margin: float) -> TripletLoss:
    """Take each anchor's farthest positive and nearest negative.

    Args:
        embedding: ``(n, dim)``, float32.
        labels: Identity of each row, ``(n,)`` integers.
        margin: How much nearer the positive should be.

    Returns:
        The mean of ``max(0, positive - negative + margin)`` over anchors that have both, and the mean of
        the two distances over the same anchors. Without such an anchor the loss is 0 and the distances nan.
    """
    distance = pairwise_distance(embedding)
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positives, negatives = same & ~itself, ~same
    valid = positives.any(1) & negatives.any(1)
    if not valid.any():
        undefined = distance.new_tensor(float("nan"))
        return TripletLoss(embedding.sum() * 0.0, undefined, undefined)
    hardest_positive = distance.masked_fill(~positives, -torch.inf).amax(1)[valid]
    hardest_negative = distance.masked_fill(~negatives, torch.inf).amin(1)[valid]
    loss = functional.relu(hardest_positive - hardest_negative + margin).mean()
    return TripletLoss(loss, hardest_positive.detach().mean(), hardest_negative.detach().mean())


def cosine_softmax(embedding: Tensor, prototypes: Tensor, labels: Tensor, scale: float) -> Tensor:
    """Return the cross-entropy of scaled cosines between unit embeddings and one prototype for each identity."""
    return functional.cross_entropy(scale * embedding @ functional.normalize(prototypes).T, labels)
