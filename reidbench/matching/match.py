"""Turn blocks of similarities into the best identities of each query, and never hold the whole matrix.

An identity's score is that of its best image (or of its one centroid). Ties go to the higher score,
then to the lower gallery index, so block size, query order and batch size change nothing. What the
metrics need beyond the best K identities is taken in the same pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.methods.by_identity import images_by_identity
from reidbench.methods.representation import Representation
from reidbench.methods.similarity import unit

BEST_IDENTITIES = 50
DEFAULT_BUDGET = 1 << 30  # bytes

Score = Callable[[Representation, Representation], NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class IdentityScores:
    """The best K identities of each query, best first; ``-1`` and ``-inf`` pad a short list.

    Attributes:
        identity: Codes into the gallery's sorted identities, ``(n_query, K)``.
        score: Their scores, ``(n_query, K)``, falling along each row.
        average_precision: Image-level AP of each known query, ``nan`` elsewhere, ``(n_query,)``.
        own_best: Best score of the query's own identity outside its encounter, ``-inf`` if there is none.
        other_best: Best score of any other identity.
    """

    identity: NDArray[np.int64]
    score: NDArray[np.float64]
    average_precision: NDArray[np.float64]
    own_best: NDArray[np.float64]
    other_best: NDArray[np.float64]


def centroids(gallery: Representation, codes: NDArray[np.int64], *, renormalise: bool = True) -> Representation:
    """Return one embedding for each identity: the mean of its unit vectors, scaled back to length 1.

    Args:
        gallery: Holds ``embedding``, ``(n_gallery, dim)``.
        codes: Identity of each gallery image, 0 … n_identity - 1, all present.
        renormalise: Scale each mean to length 1.
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
    budget: int = DEFAULT_BUDGET,
    encounter: tuple[NDArray[Any], NDArray[Any]] | None = None,
    image_level: bool = True,
    n_compared: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> IdentityScores:
    """Compare queries with a gallery, block by block.

    Args:
        query: Representation of ``n_query`` images.
        gallery: Representation of ``n_gallery`` images or centroids.
        gallery_codes: Identity code of each gallery entry.
        own_codes: Code of each query's own identity, ``-1`` when it is not in this gallery.
        score: Similarity of two representations; higher is more alike.
        best: Number of identities kept for each query.
        budget: Bytes that one block's work may take.
        encounter: Encounters of queries and of gallery entries; the own-identity score leaves
            entries of the query's own encounter out.
        image_level: Whether gallery entries are images, so that average precision is defined.
        n_compared: Images that each query is compared with, where they outnumber the gallery's entries.
        advance: Told how many queries each block finished.

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
            others = by_identity[offset]
            if own >= 0:
                is_own = gallery_codes == own
                if image_level:
                    precision[row] = average_precision(similarity[offset], is_own)
                elsewhere = is_own
                if encounter is not None:
                    elsewhere = is_own & (encounter[1] != encounter[0][row])
                own_best[row] = similarity[offset][elsewhere].max(initial=-np.inf)
                others = np.delete(others, own)
            other_best[row] = others.max(initial=-np.inf)
        advance(len(rows))
    return IdentityScores(identity, scores, precision, own_best, other_best)


def _best_first(
    by_identity: NDArray[Any], similarity: NDArray[Any], codes: NDArray[np.int64], first_index: NDArray[Any], keep: int
) -> NDArray[np.int64]:
    """Order identities by score, then by the lowest gallery index that reaches it; ``-inf`` is left out."""
    if keep < len(by_identity):  # every identity that ties with the last place stays a candidate
        floor = np.partition(by_identity, len(by_identity) - keep)[len(by_identity) - keep]
        candidates = np.flatnonzero((by_identity >= floor) & (by_identity > -np.inf))
    else:
        candidates = np.flatnonzero(by_identity > -np.inf)
    values = by_identity[candidates]
    if len(np.unique(values)) == len(values):
        return np.asarray(candidates[np.argsort(-values, kind="stable")][:keep])
    holds_best = np.flatnonzero(similarity == by_identity[codes])
    earliest = first_index.copy()
    earliest[codes[holds_best[::-1]]] = holds_best[::-1]  # the last assignment wins: the lowest index
    return np.asarray(candidates[np.lexsort((earliest[candidates], -values))][:keep])


def average_precision(similarity: NDArray[Any], relevant: NDArray[np.bool_]) -> float:
    """Return the average precision of one ranked list; ties rank by the lower gallery index.

    Example:
        >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))
        0.8333333333333333
    """
    hits = relevant[np.argsort(-similarity, kind="stable")]
    ranks = np.flatnonzero(hits) + 1
    if not len(ranks):
        return float("nan")
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))
