"""Labelled pairs of images to fit curves on, and folds over identities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENUMERATED = 1 << 22
"""Up to this number of pairs, all are listed before a sample is drawn; 32 MiB."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPairs:
    """A sample of pairs of images with their labels.

    Attributes:
        query: Row of the first image among the queries, or among the gallery images if these are paired with each
            other, ``(n_pair,)``.
        gallery: Row of the second image among the gallery images, ``(n_pair,)``.
        same: Whether both images show the same animal, ``(n_pair,)``.
        weight: Number of pairs that each sampled pair represents, at least 1, ``(n_pair,)``.
    """

    query: NDArray[np.int64]
    gallery: NDArray[np.int64]
    same: NDArray[np.bool_]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.query)

    @property
    def indices(self) -> NDArray[np.int64]:
        """Both rows of each pair, ``(n_pair, 2)``."""
        return np.stack([self.query, self.gallery], axis=1)

    def take(self, chosen: NDArray[Any]) -> LabelledPairs:
        """Return the chosen pairs, given by their places or by a mask."""
        return LabelledPairs(self.query[chosen], self.gallery[chosen], self.same[chosen], self.weight[chosen])


def sample_pairs(
    query_identity: NDArray[np.int64],
    gallery_identity: NDArray[np.int64],
    budget: int,
    seed: int,
) -> LabelledPairs:
    """Draw a random sample of pairs of a query and a gallery image.

    Half of the pairs show the same animal, if there are enough of both kinds. All pairs of one kind have the same
    probability. If all pairs fit the budget, all are taken.

    Args:
        query_identity: Identity of each query as a number, ``(n_query,)``.
        gallery_identity: Identity of each gallery image as a number, ``(n_gallery,)``.
        budget: Largest number of pairs.
        seed: Seed of the sample.

    Example:
        >>> pairs = sample_pairs(np.array([0, 1]), np.array([0, 0, 1]), budget=100, seed=0)
        >>> pairs.same.tolist(), pairs.weight.tolist()
        ([True, True, True, False, False, False], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    """
    positive = _pairs_of_same_animal(query_identity, gallery_identity)
    return _sample(positive, query_identity, gallery_identity, budget, seed, upper=False)


def sample_pairs_within(identity: NDArray[np.int64], encounter: NDArray[Any], budget: int, seed: int) -> LabelledPairs:
    """Draw a random sample of pairs i < j of one set of images, like :func:`sample_pairs`.

    Pairs of one encounter are left out, because near-duplicates are always similar.

    Args:
        identity: Identity of each image as a number, ``(n_image,)``.
        encounter: Encounter of each image, ``(n_image,)``.
        budget: Largest number of pairs.
        seed: Seed of the sample.
    """
    positive = _pairs_of_same_animal(identity, identity)
    first, second = positive // max(len(identity), 1), positive % max(len(identity), 1)
    two_encounters = encounter[first] != encounter[second]
    return _sample(positive[(first < second) & two_encounters], identity, identity, budget, seed, upper=True)


def all_pairs_within(identity: NDArray[np.int64]) -> LabelledPairs:
    """Return every pair i < j of one set of images, as in the published WildFusion."""
    first, second = np.triu_indices(len(identity), k=1)
    same = identity[first] == identity[second]
    return LabelledPairs(first.astype(np.int64), second.astype(np.int64), same, np.ones(len(first)))


def _pairs_of_same_animal(query_identity: NDArray[np.int64], gallery_identity: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``i * n_gallery + j`` for every pair of query i and gallery image j with the same identity."""
    order = np.argsort(gallery_identity, kind="stable")
    sorted_identity = gallery_identity[order]
    starts = np.searchsorted(sorted_identity, query_identity, side="left")
    ends = np.searchsorted(sorted_identity, query_identity, side="right")
    n_gallery = len(gallery_identity)
    rows = [i * n_gallery + order[start:end] for i, (start, end) in enumerate(zip(starts, ends, strict=True))]
    return np.concatenate(rows).astype(np.int64) if rows else np.zeros(0, np.int64)


def _sample(
    positive: NDArray[np.int64],
    query_identity: NDArray[np.int64],
    gallery_identity: NDArray[np.int64],
    budget: int,
    seed: int,
    *,
    upper: bool,
) -> LabelledPairs:
    random = np.random.default_rng([seed, 0x9A125])
    n_query, n_gallery = len(query_identity), len(gallery_identity)
    n_of_identity = np.bincount(gallery_identity, minlength=int(query_identity.max(initial=-1)) + 1)
    n_negative = n_query * n_gallery - int(n_of_identity[query_identity].sum())
    n_negative = n_negative // 2 if upper else n_negative
    n_positive = len(positive)
    keep_positive = min(n_positive, max(budget // 2, budget - n_negative))
    keep_negative = min(n_negative, budget - keep_positive)
    if keep_positive < n_positive:
        positive = np.sort(random.choice(positive, keep_positive, replace=False))

    def negatives(number: NDArray[np.int64]) -> NDArray[np.int64]:
        i, j = number // n_gallery, number % n_gallery
        differ = query_identity[i] != gallery_identity[j]
        return np.asarray(number[differ & (i < j) if upper else differ])

    if 2 * keep_negative >= n_negative or n_query * n_gallery <= ENUMERATED:
        negative = negatives(np.arange(n_query * n_gallery))
        if keep_negative < len(negative):
            negative = np.sort(random.choice(negative, keep_negative, replace=False))
    else:  # too many to list: draw from all pairs and drop those of the same animal, until there are enough
        negative = np.zeros(0, np.int64)
        while len(negative) < keep_negative:
            numbers = random.integers(0, n_query * n_gallery, size=3 * keep_negative)
            negative = np.unique(np.concatenate([negative, negatives(numbers)]))
        negative = np.sort(random.choice(negative, keep_negative, replace=False))
    both = np.concatenate([positive, negative])
    n_kept = (len(positive), len(negative))
    weight = np.repeat([n_positive / max(n_kept[0], 1), n_negative / max(n_kept[1], 1)], n_kept)
    return LabelledPairs(both // max(n_gallery, 1), both % max(n_gallery, 1), np.repeat([True, False], n_kept), weight)


def identity_folds(n_identity: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Divide identities at random into folds of equal size.

    Returns:
        The fold of each identity, ``(n_identity,)``, numbered from 0. There are never more folds than identities.
    """
    order = np.random.default_rng([seed, 0xF01D5]).permutation(n_identity)
    fold = np.empty(n_identity, dtype=np.int64)
    fold[order] = np.arange(n_identity) % max(1, min(folds, n_identity))
    return fold
