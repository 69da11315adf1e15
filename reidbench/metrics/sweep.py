"""BAKS, BAUS and score at every threshold, exactly, by one sort and running sums.

A query counts as known if its best score is at least the threshold. Between two neighbouring scores nothing changes, so
``n`` distinct scores give ``n + 1`` thresholds, from +inf (accept none) down to -inf (accept all). A score of ``-inf``
means that the query was not compared; it is never accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdSweep:
    """BAKS, BAUS and their geometric mean at every threshold, from accept none to accept all.

    Attributes:
        scores: The distinct finite best scores, falling, ``(m,)``.
        thresholds: +inf, the midpoints between neighbouring scores, -inf, ``(m + 1,)``; only +inf without a finite
            score.
        baks: BAKS at each threshold, ``(m + 1,)``; all ``nan`` without known queries.
        baus: BAUS at each threshold, ``(m + 1,)``; all ``nan`` without unknown queries.
        score: ``sqrt(baks * baus)``, ``(m + 1,)``.
    """

    scores: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    baks: NDArray[np.float64]
    baus: NDArray[np.float64]
    score: NDArray[np.float64]

    def index(self, threshold: ArrayLike) -> NDArray[np.intp]:
        """Return the index in the sweep with the same accepted queries as each threshold, which need not be listed."""
        below = np.searchsorted(self.scores[::-1], np.asarray(threshold, dtype=np.float64), side="left")
        return np.asarray(len(self.scores) - below)


def threshold_sweep(
    best_score: ArrayLike, correct: ArrayLike, known: ArrayLike, identity_code: ArrayLike
) -> ThresholdSweep:
    """Compute BAKS, BAUS and score at every threshold.

    Args:
        best_score: Best score of each query, ``(n_query,)``; ``-inf`` for a query that was not compared.
        correct: Whether the best candidate is the true identity, ``(n_query,)``.
        known: Whether the true identity is in the gallery, ``(n_query,)``.
        identity_code: True identity of each query as a non-negative integer, ``(n_query,)``.

    Raises:
        ValueError: Lengths differ, or a score is ``nan`` or +inf.

    Example:
        >>> sweep = threshold_sweep([0.9, 0.5, 0.1], [True, False, True], [True, False, True], [0, 1, 2])
        >>> sweep.thresholds.tolist(), sweep.baks.tolist(), sweep.baus.tolist()
        ([inf, 0.7, 0.3, -inf], [0.0, 0.5, 0.5, 1.0], [1.0, 1.0, 0.0, 0.0])
    """
    value = np.asarray(best_score, dtype=np.float64)
    right, enrolled = np.asarray(correct, dtype=bool), np.asarray(known, dtype=bool)
    code = np.asarray(identity_code, dtype=np.int64)
    if not value.shape == right.shape == enrolled.shape == code.shape or value.ndim != 1:
        raise ValueError(
            f"best_score, correct, known and identity_code have shapes {value.shape}, {right.shape}, "
            f"{enrolled.shape} and {code.shape}, not one (n_query,)"
        )
    if np.isnan(value).any() or np.isposinf(value).any():
        raise ValueError("best scores contain nan or +inf")
    gain = np.where(right, _query_weights(enrolled, code), 0.0)
    loss = _query_weights(~enrolled, code)

    compared = value > -np.inf
    order = np.flatnonzero(compared)[np.argsort(-value[compared], kind="stable")]
    falling = value[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if len(falling) else np.zeros(0, np.int64)
    scores = falling[last]
    # BAKS is summed from 0 at accept none, BAUS from its lowest value at accept all. A side that is 0 is then exactly
    # 0. Computed as 1 - (sum of weights) it could be 1e-16, and the score 1e-8.
    known_side = np.append(0.0, np.cumsum(gain[order])[last])
    kept_out = np.append(np.cumsum(loss[order][::-1])[::-1], 0.0)
    unknown_side = loss[~compared].sum() + kept_out[np.append(0, last + 1)]
    known_side = np.minimum(known_side, 1.0) if enrolled.any() else np.full_like(known_side, np.nan)
    unknown_side = np.minimum(unknown_side, 1.0) if not enrolled.all() else np.full_like(unknown_side, np.nan)
    thresholds = np.concatenate([[np.inf], midpoint(scores[1:], scores[:-1]), [-np.inf]])[: len(scores) + 1]
    return ThresholdSweep(scores, thresholds, known_side, unknown_side, np.sqrt(known_side * unknown_side))


def midpoint(low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Return the midpoint of each pair of numbers.

    Args:
        low: The lower numbers, any shape.
        high: The higher numbers, the same shape.

    Returns:
        Midpoints in (low, high], also if rounding would give ``low``.
    """
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    middle = low / 2 + high / 2  # the sum of two large scores could overflow
    return np.where((middle > low) & (middle <= high), middle, high)


def _query_weights(side: NDArray[np.bool_], code: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight the queries of a side so that each identity weighs the same and the sum is 1; other queries weigh 0."""
    weights = np.zeros(len(code))
    if side.any():
        _, own, count = np.unique(code[side], return_inverse=True, return_counts=True)
        weights[side] = 1.0 / (count[own] * len(count))
    return weights
