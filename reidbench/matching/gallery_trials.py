"""What the gallery says of itself: each enrolled image asked for once as a known animal and once as an unknown one.

The largest impostor score grows with the gallery, so a threshold is best tried on the whole of it. Each
gallery image is a known trial (its own encounter masked) and an unknown trial (its own identity masked);
an image without its like in another encounter is an unknown trial alone. A run saves two numbers for each
image, so that ``leave-identity-out`` can be decided later without an image.

Not valid for a network that was fitted on these very images: it knows them better than any photograph to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.matching.match import DEFAULT_BUDGET, Score, centroids, match
from reidbench.methods.representation import Representation
from reidbench.methods.similarity import unit
from reidbench.metrics.answers import Answers


@dataclass(frozen=True, slots=True, eq=False)
class GalleryTrials:
    """Best scores of each gallery image against the rest of the gallery.

    Attributes:
        identity: Identity of each image, ``(n_gallery,)`` strings.
        group: Its group, ``(n_gallery,)`` strings.
        own_best: Best score of its own identity outside its encounter, ``-inf`` when there is none.
        other_best: Best score of any other identity, ``-inf`` when there is none.
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
            raise ValueError("gallery trials contain nan; use -inf where nothing was compared")

    def as_answers(self) -> Answers:
        """Return the trials as an episode: known trials first, then unknown ones.

        A known trial whose own and other best tie is counted wrong, since which of the two stands first
        in the gallery is not known here.
        """
        seen_again = self.own_best > -np.inf
        own, other = self.own_best[seen_again], self.other_best[seen_again]
        identity = np.concatenate([self.identity[seen_again], self.identity]).astype(str)
        right = np.concatenate([own > other, np.zeros(len(self.identity), dtype=bool)])
        best = np.concatenate([np.maximum(own, other), self.other_best])
        group = np.concatenate([self.group[seen_again], self.group]).astype(str)
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
    asking: Representation | None = None,
    within_group: bool,
    by_centroid: bool,
    renormalise: bool = True,
    budget: int = DEFAULT_BUDGET,
) -> GalleryTrials:
    """Compare the gallery with itself, block by block, with each image and its encounter masked.

    Args:
        gallery: Representation of the gallery's images.
        identity: Identity of each, ``(n_gallery,)``.
        group: Group of each, ``(n_gallery,)``.
        encounter: Encounter of each, ``(n_gallery,)``.
        score: Similarity of two representations; higher is more alike.
        asking: The same images as they ask, where a query is described otherwise than an enrolled image.
        within_group: Whether an image is compared with its own group only.
        by_centroid: Whether identities are compared by their centroid, made without the masked images.
        renormalise: Scale each centroid to length 1.
        budget: Bytes that one block's work may take.
    """
    n_gallery = len(identity)
    own_best, other_best = np.full(n_gallery, -np.inf), np.full(n_gallery, -np.inf)
    parts = [np.flatnonzero(group == name) for name in np.unique(group)] if within_group else [np.arange(n_gallery)]
    for rows in parts:
        enrolled, queries = gallery.take(rows), (gallery if asking is None else asking).take(rows)
        _, codes = np.unique(identity[rows], return_inverse=True)
        target, target_codes, masks = enrolled, codes, (encounter[rows], encounter[rows])
        if by_centroid:
            target, target_codes = centroids(enrolled, codes, renormalise=renormalise), np.arange(codes.max() + 1)
        found = match(
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
        other_best[rows] = found.other_best
        own_best[rows] = (
            _own_centroid_scores(enrolled, codes, encounter[rows], score, renormalise)
            if by_centroid
            else found.own_best
        )
    return GalleryTrials(np.asarray(identity, dtype=str), np.asarray(group, dtype=str), own_best, other_best)


_TOGETHER = 256  # rows of one block of own centroids; the block's similarity is square and small


def _own_centroid_scores(
    gallery: Representation, codes: NDArray[np.int64], encounter: NDArray[Any], score: Score, renormalise: bool
) -> NDArray[np.float64]:
    """Score each image against the centroid of its identity without the images of its encounter."""
    vectors = unit(gallery.dense["embedding"]).astype(np.float64)
    _, met = np.unique(encounter, return_inverse=True)
    sums = np.zeros((int(codes.max()) + 1, vectors.shape[1]))
    np.add.at(sums, codes, vectors)
    own_encounter = np.zeros((int(met.max()) + 1, vectors.shape[1]))
    np.add.at(own_encounter, met, vectors)
    left = np.bincount(codes)[codes] - np.bincount(met)[met]
    means = ((sums[codes] - own_encounter[met]) / np.maximum(left, 1)[:, None]).astype(np.float32)
    means = unit(means) if renormalise else means
    best = np.full(len(codes), -np.inf)
    asked = np.flatnonzero(left > 0)
    for start in range(0, len(asked), _TOGETHER):
        rows = asked[start : start + _TOGETHER]
        best[rows] = np.diagonal(score(gallery.take(rows), Representation({"embedding": means[rows]})))
    return best
