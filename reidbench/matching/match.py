"""Find the best identities of each query from blocks of similarities, without the whole matrix in memory.

The score of an identity is that of its best image, or of its centroid. Identities are sorted by score; equal scores are
sorted by gallery index. The result therefore does not depend on block size, query order or batch size. Average
precision and the best scores of own and other identities are computed in the same pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.memory import memory_bytes
from reidbench.methods.by_identity import images_by_identity
from reidbench.methods.representation import Representation
from reidbench.methods.similarity import unit

BEST_IDENTITIES = 50
"""Number of identities that are kept for each query."""

Score = Callable[[Representation, Representation], NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class IdentityScores:
    """The best K identities of each query, best first.

    Attributes:
        identity: Numbers of the identities, ``(n_query, K)``; ``-1`` if there are fewer than K.
        score: Their scores in decreasing order, ``(n_query, K)``; ``-inf`` if there are fewer than K.
        average_precision: Average precision over gallery images, ``(n_query,)``; ``nan`` for an unknown query.
        own_best: Best score of the query's true identity, without images of the query's encounter, ``(n_query,)``;
            ``-inf`` if there is none.
        other_best: Best score of any other identity, ``(n_query,)``; ``-inf`` if there is none.
    """

    identity: NDArray[np.int64]
    score: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    own_best: NDArray[np.float64]
    other_best: NDArray[np.float64]


def centroids(gallery: Representation, codes: NDArray[np.int64], *, renormalise: bool = True) -> Representation:
    """Return the centroid of each identity: the mean of its embeddings, each scaled to length 1.

    Args:
        gallery: Representation with ``embedding``, ``(n_gallery, dim)``.
        codes: Identity of each gallery image, 0 … n_identity - 1; each number occurs at least once.
        renormalise: Scale each centroid to length 1.
    """
    vectors = unit(gallery.dense["embedding"]).astype(np.float64)
    sums = np.zeros((int(codes.max()) + 1, vectors.shape[1]))
    np.add.at(sums, codes, vectors)
    means = (sums / np.bincount(codes)[:, None]).astype(np.float32)
    return Representation({"embedding": unit(means) if renormalise else means})


def match(
    query: Representation,
    gallery: Representation,
    gallery_codes: NDArray[np.int64],
    own_codes: NDArray[np.int64],
    score: Score,
    *,
    best: int = BEST_IDENTITIES,
    budget: int | None = None,
    encounter: tuple[NDArray[Any], NDArray[Any]] | None = None,
    image_level: bool = True,
    n_compared: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> IdentityScores:
    """Compare queries with gallery entries, in blocks of queries.

    Args:
        query: Representation of ``n_query`` images.
        gallery: Representation of ``n_gallery`` entries: images, centroids or identities.
        gallery_codes: Identity of each gallery entry as a number, ``(n_gallery,)``.
        own_codes: True identity of each query as a number, ``(n_query,)``; ``-1`` if it is not in this gallery.
        score: Similarity of two representations; higher is more alike.
        best: Number of identities to keep for each query.
        budget: Memory for one block, in bytes; by default the memory budget of the process.
        encounter: Encounter of each query and of each gallery entry. If given, ``own_best`` ignores gallery entries
            of the query's encounter.
        image_level: Whether gallery entries are images; only then is average precision defined.
        n_compared: Number of images that each query is compared with, if larger than ``n_gallery``. It limits the
            size of a block.
        advance: Called with the number of queries of each finished block.

    Raises:
        ValueError: A similarity is ``nan``, or a block has the wrong shape.
    """
    n_query, n_gallery = len(query), len(gallery)
    n_identity = int(gallery_codes.max()) + 1
    keep = min(best, n_identity)
    identity = np.full((n_query, keep), -1, np.int64)
    scores = np.full((n_query, keep), -np.inf)
    precision = np.full(n_query, np.nan)
    own_best = np.full(n_query, -np.inf)
    other_best = np.full(n_query, -np.inf)
    order, starts = images_by_identity(gallery_codes)
    first_index = order[starts]
    budget = memory_bytes() if budget is None else budget
    block = max(1, min(n_query, budget // (max(n_gallery, n_compared) * 40)))
    for start in range(0, n_query, block):
        rows = np.arange(start, min(start + block, n_query))
        similarity = np.asarray(score(query.take(rows), gallery), dtype=np.float64)
        if similarity.shape != (len(rows), n_gallery):
            raise ValueError(f"scores have shape {similarity.shape}, not {(len(rows), n_gallery)}")
        if np.isnan(similarity).any():
            raise ValueError("scores contain nan; use -inf for a pair that was not compared")
        by_identity = np.maximum.reduceat(similarity[:, order], starts, axis=1)
        for offset, row in enumerate(rows):
            ranked = _best_first(by_identity[offset], similarity[offset], gallery_codes, first_index, keep)
            identity[row, : len(ranked)] = ranked
            scores[row, : len(ranked)] = by_identity[offset][ranked]
            own = int(own_codes[row])
            other_scores = by_identity[offset]
            if own >= 0:
                is_own = gallery_codes == own
                if image_level:
                    precision[row] = average_precision(similarity[offset], is_own)
                counted = is_own
                if encounter is not None:
                    counted = is_own & (encounter[1] != encounter[0][row])
                own_best[row] = similarity[offset][counted].max(initial=-np.inf)
                other_scores = np.delete(other_scores, own)
            other_best[row] = other_scores.max(initial=-np.inf)
        advance(len(rows))
    return IdentityScores(identity, scores, precision, own_best, other_best)


def _best_first(
    by_identity: NDArray[Any], similarity: NDArray[Any], codes: NDArray[np.int64], first_index: NDArray[Any], keep: int
) -> NDArray[np.int64]:
    """Sort identities by score, then by the lowest gallery index with this score; ``-inf`` is left out."""
    if keep < len(by_identity):  # keep all identities that tie for the last place; the sort below decides
        last_score = np.partition(by_identity, len(by_identity) - keep)[len(by_identity) - keep]
        candidates = np.flatnonzero((by_identity >= last_score) & (by_identity > -np.inf))
    else:
        candidates = np.flatnonzero(by_identity > -np.inf)
    values = by_identity[candidates]
    if len(np.unique(values)) == len(values):
        return np.asarray(candidates[np.argsort(-values, kind="stable")][:keep])
    holds_best = np.flatnonzero(similarity == by_identity[codes])
    earliest = first_index.copy()
    earliest[codes[holds_best[::-1]]] = holds_best[::-1]  # in reverse order, so that the lowest index is assigned last
    return np.asarray(candidates[np.lexsort((earliest[candidates], -values))][:keep])


def average_precision(similarity: NDArray[Any], relevant: NDArray[np.bool_]) -> float:
    """Return the average precision of one ranked list; equal similarities are ranked by gallery index.

    Args:
        similarity: Similarity of the query to each gallery image, ``(n_gallery,)``.
        relevant: Whether each gallery image shows the query's animal, ``(n_gallery,)``.

    Returns:
        A value in [0, 1]; ``nan`` if no image is relevant.

    Example:
        >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))
        0.8333333333333333
    """
    hits = relevant[np.argsort(-similarity, kind="stable")]
    ranks = np.flatnonzero(hits) + 1
    if not len(ranks):
        return float("nan")
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))
