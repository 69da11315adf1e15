"""How well the best score separates known from unknown queries: AUROC and FPR95, by image; known is positive."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.metrics.spec import KNOWN, SCORES, UNKNOWN, LeaderboardColumn, MetricSpec


def auroc(known: ArrayLike, best_score: ArrayLike) -> float:
    """Probability that a known query has a higher best score than an unknown one; a tie counts one half.

    Args:
        known: Whether each query is known, ``(n_query,)``.
        best_score: Best score of each query, ``(n_query,)``; ``-inf`` is the lowest.

    Returns:
        Area under the ROC curve in [0, 1]; ``nan`` without known or without unknown queries.

    Raises:
        ValueError: Lengths differ or a score is ``nan``.

    Example:
        >>> auroc([True, True, False, False], [0.9, 0.4, 0.4, 0.1])
        0.875
    """
    positive, negative = _counts_by_score(known, best_score)
    n_positive, n_negative = int(positive.sum()), int(negative.sum())
    if not n_positive or not n_negative:
        return math.nan
    beaten = np.cumsum(negative) - negative
    return float((2 * positive * beaten + positive * negative).sum() / (2 * n_positive * n_negative))


def fpr95(known: ArrayLike, best_score: ArrayLike) -> float:
    """Share of unknown queries accepted at the highest threshold that accepts at least 95 % of the known ones.

    Args:
        known: Whether each query is known, ``(n_query,)``.
        best_score: Best score of each query, ``(n_query,)``.

    Returns:
        Rate in [0, 1]; lower is better. ``nan`` without known or without unknown queries. Rates are not interpolated
        between thresholds.

    Raises:
        ValueError: Lengths differ or a score is ``nan``.

    Example:
        >>> fpr95([True, True, False, False], [0.9, 0.4, 0.4, 0.1])
        0.5
    """
    positive, negative = _counts_by_score(known, best_score)
    n_positive, n_negative = int(positive.sum()), int(negative.sum())
    if not n_positive or not n_negative:
        return math.nan
    accepted, false = np.cumsum(positive[::-1]), np.cumsum(negative[::-1])
    return float(false[np.argmax(100 * accepted >= 95 * n_positive)] / n_negative)  # integers: 19 of 20 is 95 %


def _counts_by_score(known: ArrayLike, best_score: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of known and of unknown queries at each distinct score, from the lowest score up."""
    positive, value = np.asarray(known, dtype=bool), np.asarray(best_score, dtype=np.float64)
    if positive.shape != value.shape or value.ndim != 1:
        raise ValueError(f"known and best_score have shapes {positive.shape} and {value.shape}, not one (n_query,)")
    if np.isnan(value).any():
        raise ValueError("best scores contain nan")
    _, place, total = np.unique(value, return_inverse=True, return_counts=True)
    n_positive = np.bincount(place[positive], minlength=len(total))
    return n_positive, total - n_positive


AUROC = MetricSpec(
    "auroc",
    "AUROC",
    "probability that a known query has a higher best score than an unknown one",
    needs=(SCORES, KNOWN, UNKNOWN),
    compute=lambda queries: auroc(queries.known, queries.scored.best_score),
    column=LeaderboardColumn(70, 5),
    by_group=True,
)
FPR95 = MetricSpec(
    "fpr95",
    "FPR95",
    "share of unknown queries accepted at the threshold that accepts 95 % of the known ones; lower is better",
    needs=(SCORES, KNOWN, UNKNOWN),
    compute=lambda queries: fpr95(queries.known, queries.scored.best_score),
    lower_is_better=True,
    column=LeaderboardColumn(80, 19),
)
