"""Gallery trials: search each gallery image in the gallery, once as a known and once as an unknown animal.

In a known trial the images of the query's encounter are left out, in an unknown trial all images of its identity. An
image whose identity has no other encounter gives an unknown trial only. The trials use the whole gallery, because the
largest impostor score grows with the gallery. A run saves two numbers for each image; the policy
``leave-identity-out`` chooses a threshold from them later, without images.

Trials are not valid for a network that was trained on the gallery images: it recognises them better than new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.matching.match import Score, centroids, match
from reidbench.methods.representation import Representation
from reidbench.methods.similarity import unit
from reidbench.metrics.answers import Answers


@dataclass(frozen=True, slots=True, eq=False)
class GalleryTrials:
    """Best scores of each gallery image, compared with the other gallery images.

    Attributes:
        identity: Identity of each image, ``(n_gallery,)`` strings.
        group: Group of each image, ``(n_gallery,)`` strings.
        own_best: Best score of the image's identity in other encounters, ``-inf`` if there is none.
        other_best: Best score of any other identity, ``-inf`` if there is none.

    Raises:
        ValueError: The arrays differ in length, or scores contain ``nan``.
    """

    identity: NDArray[Any]
    group: NDArray[Any]
    own_best: NDArray[np.float64]
    other_best: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("group", "own_best", "other_best"):
            if getattr(self, name).shape != self.identity.shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {self.identity.shape}")
        if np.isnan(self.own_best).any() or np.isnan(self.other_best).any():
            raise ValueError("gallery trials contain nan; use -inf for an image that was not compared")

    def as_answers(self) -> Answers:
        """Return the trials as queries: known trials first, then unknown trials.

        A known trial counts as wrong if ``own_best`` and ``other_best`` are equal, because the order of the two
        images in the gallery is not stored.
        """
        is_known = self.own_best > -np.inf
        own, other = self.own_best[is_known], self.other_best[is_known]
        identity = np.concatenate([self.identity[is_known], self.identity]).astype(str)
        right = np.concatenate([own > other, np.zeros(len(self.identity), dtype=bool)])
        best = np.concatenate([np.maximum(own, other), self.other_best])
        group = np.concatenate([self.group[is_known], self.group]).astype(str)
        names = {str(name): len(np.unique(self.identity[self.group == name])) for name in np.unique(self.group)}
        return Answers(
            true=identity,
            known=np.arange(len(identity)) < len(own),
            group=group,
            candidates=np.where(right, identity, "\x00another").astype(object)[:, None],
            scores=best[:, None],
            average_precision=np.full(len(identity), np.nan),
            gallery_identities=names,
        )


def try_gallery(
    gallery: Representation,
    identity: NDArray[Any],
    group: NDArray[Any],
    encounter: NDArray[Any],
    score: Score,
    *,
    as_queries: Representation | None = None,
    within_group: bool,
    by_centroid: bool,
    renormalise: bool = True,
    budget: int | None = None,
) -> GalleryTrials:
    """Search each gallery image in the gallery, in blocks of images.

    Args:
        gallery: Representation of the gallery images.
        identity: Identity of each image, ``(n_gallery,)``.
        group: Group of each image, ``(n_gallery,)``.
        encounter: Encounter of each image, ``(n_gallery,)``.
        score: Similarity of two representations; higher is more alike.
        as_queries: Representation of the same images as queries, if it differs from ``gallery`` (it may name other
            calibration curves).
        within_group: Whether an image is compared only with images of its group.
        by_centroid: Whether identities are compared by their centroid. The centroid of an image's own identity is
            computed without its encounter.
        renormalise: Scale each centroid to length 1.
        budget: Memory for one block, in bytes; by default the memory budget of the process.
    """
    n_gallery = len(identity)
    own_best, other_best = np.full(n_gallery, -np.inf), np.full(n_gallery, -np.inf)
    parts = [np.flatnonzero(group == name) for name in np.unique(group)] if within_group else [np.arange(n_gallery)]
    for rows in parts:
        enrolled, queries = gallery.take(rows), (gallery if as_queries is None else as_queries).take(rows)
        _, codes = np.unique(identity[rows], return_inverse=True)
        target, target_codes, masks = enrolled, codes, (encounter[rows], encounter[rows])
        if by_centroid:
            target, target_codes = centroids(enrolled, codes, renormalise=renormalise), np.arange(codes.max() + 1)
        best = match(
            queries,
            target,
            target_codes,
            codes,
            score,
            best=1,
            budget=budget,
            encounter=None if by_centroid else masks,
            image_level=False,
        )
        other_best[rows] = best.other_best
        own_best[rows] = (
            _own_centroid_scores(enrolled, codes, encounter[rows], score, renormalise) if by_centroid else best.own_best
        )
    return GalleryTrials(np.asarray(identity, dtype=str), np.asarray(group, dtype=str), own_best, other_best)


_CENTROID_BLOCK = 256  # images in one block of _own_centroid_scores, whose similarity matrix is square


def _own_centroid_scores(
    gallery: Representation, codes: NDArray[np.int64], encounter: NDArray[Any], score: Score, renormalise: bool
) -> NDArray[np.float64]:
    """Return the score of each image with the centroid of its identity, computed without the image's encounter."""
    vectors = unit(gallery.dense["embedding"]).astype(np.float64)
    _, encounter_code = np.unique(encounter, return_inverse=True)
    sums = np.zeros((int(codes.max()) + 1, vectors.shape[1]))
    np.add.at(sums, codes, vectors)
    encounter_sums = np.zeros((int(encounter_code.max()) + 1, vectors.shape[1]))
    np.add.at(encounter_sums, encounter_code, vectors)
    n_remaining = np.bincount(codes)[codes] - np.bincount(encounter_code)[encounter_code]
    means = ((sums[codes] - encounter_sums[encounter_code]) / np.maximum(n_remaining, 1)[:, None]).astype(np.float32)
    means = unit(means) if renormalise else means
    best = np.full(len(codes), -np.inf)
    queries = np.flatnonzero(n_remaining > 0)
    for start in range(0, len(queries), _CENTROID_BLOCK):
        rows = queries[start : start + _CENTROID_BLOCK]
        best[rows] = np.diagonal(score(gallery.take(rows), Representation({"embedding": means[rows]})))
    return best
