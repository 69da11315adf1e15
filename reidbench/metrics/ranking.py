"""Closed-set ranking of known queries: Rank-k, and Rank-k averaged within each identity first.

The functions take known queries only, because an unknown animal has no correct rank.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.metrics.open_set import balanced_accuracy
from reidbench.metrics.spec import KNOWN, SCORES, LeaderboardColumn, MetricSpec, Queries, candidates


def hits_within(true: ArrayLike, candidates: ArrayLike, k: int) -> NDArray[np.bool_]:
    """Return whether each query's identity is among its best ``k`` candidates.

    Args:
        true: True identities, names or codes, ``(n_query,)``.
        candidates: Best identities, best first, ``(n_query, K)``.
        k: Number of candidates that count, at least 1; at most ``K`` exist.

    Returns:
        ``(n_query,)``.

    Raises:
        ValueError: Shapes don't fit, or ``k`` is below 1.
    """
    truth, best = np.asarray(true), np.asarray(candidates)
    if best.ndim != 2 or truth.shape != best.shape[:1]:
        raise ValueError(f"true and candidates have shapes {truth.shape} and {best.shape}, not (n,) and (n, K)")
    if k < 1:
        raise ValueError(f"k is {k}, not at least 1")
    return np.asarray((best[:, :k] == truth[:, None]).any(axis=1), dtype=bool)


def rank_k(true: ArrayLike, candidates: ArrayLike, k: int) -> float:
    """Share of queries whose identity is among the best ``k`` candidates.

    Args:
        true: True identities, names or codes, ``(n_query,)``.
        candidates: Best identities, best first, ``(n_query, K)``.
        k: Number of candidates that count, at least 1.

    Returns:
        Share in [0, 1]; ``nan`` without queries.

    Raises:
        ValueError: Shapes don't fit, or ``k`` is below 1.

    Example:
        >>> rank_k([7, 7, 3], [[7, 1], [1, 7], [1, 2]], k=2)
        0.6666666666666666
    """
    hits = hits_within(true, candidates, k)
    return float(hits.mean()) if len(hits) else math.nan


def balanced_rank_k(true: ArrayLike, candidates: ArrayLike, k: int) -> float:
    """Rank-k averaged within each identity, then over identities.

    Args:
        true: True identities, names or codes, ``(n_query,)``.
        candidates: Best identities, best first, ``(n_query, K)``.
        k: Number of candidates that count, at least 1.

    Returns:
        Mean in [0, 1]; ``nan`` without queries.

    Raises:
        ValueError: Shapes don't fit, or ``k`` is below 1.

    Example:
        >>> balanced_rank_k([7, 7, 3], [[7, 1], [1, 7], [1, 2]], k=2)
        0.5
    """
    return balanced_accuracy(hits_within(true, candidates, k), true)


def rank_curve(true: ArrayLike, candidates: ArrayLike, k_max: int, *, balanced: bool = False) -> NDArray[np.float64]:
    """Rank-k for every ``k`` from 1 to ``k_max``: the cumulative match characteristic.

    Args:
        true: True identities, names or codes, ``(n_query,)``.
        candidates: Best identities, best first, ``(n_query, K)``.
        k_max: Largest ``k``, at least 1; beyond ``K`` the curve is flat.
        balanced: Average within each identity first.

    Returns:
        Rates that never fall, ``(k_max,)``; ``nan`` without queries.

    Raises:
        ValueError: Shapes don't fit, or ``k_max`` is below 1.

    Example:
        >>> rank_curve([7, 7, 3], [[7, 1], [1, 7], [1, 2]], 2, balanced=True).tolist()
        [0.25, 0.5]
    """
    truth, best = np.asarray(true), np.asarray(candidates)
    hits_within(truth, best, k_max)  # checks shapes and k_max
    if not len(truth):
        return np.full(k_max, np.nan)
    hit = best[:, :k_max] == truth[:, None]
    place = np.where(hit.any(axis=1), hit.argmax(axis=1), k_max)
    weight = np.full(len(truth), 1 / len(truth))
    if balanced:
        _, own, count = np.unique(truth, return_inverse=True, return_counts=True)
        weight = 1 / (count[own] * len(count))
    return np.minimum(np.cumsum(np.bincount(place, weights=weight, minlength=k_max + 1)[:k_max]), 1.0)


def _rank(queries: Queries, k: int) -> float:
    return rank_k(queries.code[queries.known], queries.named, k)


def _balanced_rank(queries: Queries, k: int) -> float:
    return balanced_rank_k(queries.code[queries.known], queries.named, k)


RANK1 = MetricSpec(
    "rank1",
    "Rank-1",
    "share of known queries whose identity is the best candidate; no threshold",
    needs=(SCORES, KNOWN, candidates(1)),
    compute=lambda queries: _rank(queries, 1),
    column=LeaderboardColumn(40, 2),
)
RANK5 = MetricSpec(
    "rank5",
    "Rank-5",
    "share of known queries whose identity is among the best five candidates; no threshold",
    needs=(SCORES, KNOWN, candidates(5)),
    compute=lambda queries: _rank(queries, 5),
    column=LeaderboardColumn(50, 17),
)
BALANCED_RANK1 = MetricSpec(
    "balanced_rank1",
    "bal. Rank-1",
    "`rank1` averaged within each identity first; ranks the methods on a closed-set split",
    needs=(SCORES, KNOWN, candidates(1)),
    compute=lambda queries: _balanced_rank(queries, 1),
    column=LeaderboardColumn(30, 10),
    by_group=True,
)
BALANCED_RANK5 = MetricSpec(
    "balanced_rank5",
    "bal. Rank-5",
    "`rank5` averaged within each identity first",
    needs=(SCORES, KNOWN, candidates(5)),
    compute=lambda queries: _balanced_rank(queries, 5),
    in_every_row=False,
)
