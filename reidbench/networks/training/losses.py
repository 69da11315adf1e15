"""Losses of a batch of embeddings: batch-hard triplet loss, and cosine softmax to add to it.

The triplet loss uses the Euclidean distance, not its square. It is the mean over all anchors with a positive and a
negative, zeros included. A mean over anchors with a loss above 0 would stay near the margin, however well the others
are separated.

Source: Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person Re-Identification", 2017.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class TripletLoss(NamedTuple):
    """The triplet loss and its two mean distances.

    If both distances are near 0 and the loss is near the margin, the training has collapsed.
    """

    loss: Tensor
    hardest_positive: Tensor
    hardest_negative: Tensor


def pairwise_distance(embedding: Tensor) -> Tensor:
    """Return Euclidean distances ``(n, n)``; between equal vectors, distance and gradient are exactly 0."""
    # Differences are exact; the expanded square would lose half of the digits of small distances.
    squared = (embedding[:, None, :] - embedding[None, :, :]).square().sum(-1)
    positive = squared > 0
    # The gradient of sqrt is infinite at 0, and 0 * inf would make the gradient of the whole batch nan.
    return torch.where(positive, squared, torch.ones_like(squared)).sqrt() * positive


def batch_hard_triplet(embedding: Tensor, labels: Tensor, margin: float) -> TripletLoss:
    """Compute the triplet loss with the farthest positive and the nearest negative of each anchor.

    Args:
        embedding: ``(n, dim)``, float32.
        labels: Identity of each row, ``(n,)`` integers.
        margin: How much nearer the positive should be than the negative.

    Returns:
        The mean of ``max(0, positive - negative + margin)`` over anchors with both, and the means of the two
        distances over these anchors. Without such an anchor, the loss is 0 and the distances are nan.
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
    """Return the cross-entropy of the scaled cosines between embeddings and one prototype vector for each identity.

    Args:
        embedding: Vectors of length 1, ``(n, dim)``.
        prototypes: One vector of any length for each identity, ``(n_identity, dim)``.
        labels: Identity of each row, ``(n,)`` integers.
        scale: Factor of the cosines.
    """
    return functional.cross_entropy(scale * embedding @ functional.normalize(prototypes).T, labels)
