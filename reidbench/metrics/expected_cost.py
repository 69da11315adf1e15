"""The expected cost of a threshold, for a stated share of new animals and a stated cost of each error.

The share of new animals in a test part comes from the split; in the field it is another. The three errors do different
harm. A *false new* counts one animal twice. A *mis-identification* adds a sighting to another animal's history. A
*false match* hides a new animal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.metrics.sweep import threshold_sweep


@dataclass(frozen=True, slots=True)
class ErrorCosts:
    """The cost of each kind of error, in any unit; at least 0.

    Attributes:
        false_new: Cost of a known query predicted as new.
        misidentified: Cost of a known query predicted as another animal.
        false_match: Cost of an unknown query predicted as a known animal.

    Raises:
        ValueError: A cost is negative or not finite.
    """

    false_new: float = 1.0
    misidentified: float = 1.0
    false_match: float = 1.0

    def __post_init__(self) -> None:
        for name in ("false_new", "misidentified", "false_match"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"the cost of {name} is {value}, not a finite number of at least 0")


@dataclass(frozen=True, slots=True, eq=False)
class ErrorRates:
    """Rates of the three errors at every threshold, averaged within identities first.

    Attributes:
        thresholds: Falling thresholds, from one that accepts no query to one that accepts all, ``(n,)``.
        false_new: Share of known queries that are rejected, ``(n,)``; ``nan`` without known queries.
        misidentified: Share of known queries accepted as another animal, ``(n,)``; ``nan`` without known queries.
        false_match: Share of unknown queries accepted, ``(n,)``; ``nan`` without unknown queries.
    """

    thresholds: NDArray[np.float64]
    false_new: NDArray[np.float64]
    misidentified: NDArray[np.float64]
    false_match: NDArray[np.float64]


def error_rates(best_score: ArrayLike, correct: ArrayLike, known: ArrayLike, identity_code: ArrayLike) -> ErrorRates:
    """Return the rates of the three errors at every threshold.

    Args:
        best_score: Best score of each query, ``(n_query,)``; ``-inf`` for a query that was not compared.
        correct: Whether the best candidate is the true identity, ``(n_query,)``.
        known: Whether the true identity is in the gallery, ``(n_query,)``.
        identity_code: True identity of each query as a non-negative integer, ``(n_query,)``.

    Raises:
        ValueError: Lengths differ, or a score is ``nan`` or +inf.

    Example:
        >>> rates = error_rates([0.9, 0.5, 0.1], [True, False, False], [True, False, True], [0, 1, 2])
        >>> rates.false_new.tolist(), rates.misidentified.tolist(), rates.false_match.tolist()
        ([1.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 0.5], [0.0, 0.0, 1.0, 1.0])
    """
    right = threshold_sweep(best_score, correct, known, identity_code)
    accepted = threshold_sweep(best_score, known, known, identity_code).baks  # as if each best candidate were right
    return ErrorRates(right.thresholds, 1 - accepted, np.maximum(accepted - right.baks, 0.0), 1 - right.baus)


def expected_cost(rates: ErrorRates, unknown_rate: float, costs: ErrorCosts | None = None) -> NDArray[np.float64]:
    """Return the expected cost of one query at each threshold.

    Args:
        rates: Rates of the three errors at every threshold.
        unknown_rate: Share of queries that show new animals where the method will be used, in [0, 1].
        costs: Cost of each error; by default 1 each.

    Returns:
        Costs, ``(n,)``; ``nan`` if a rate with a positive weight is undefined.

    Raises:
        ValueError: ``unknown_rate`` is outside [0, 1].

    Example:
        >>> rates = error_rates([0.9, 0.5, 0.1], [True, False, False], [True, False, True], [0, 1, 2])
        >>> expected_cost(rates, 0.5, ErrorCosts(false_match=2)).tolist()
        [0.5, 0.25, 1.25, 1.25]
    """
    if not 0 <= unknown_rate <= 1:
        raise ValueError(f"unknown_rate is {unknown_rate}, not in [0, 1]")
    costs = costs or ErrorCosts()
    total = np.zeros(len(rates.thresholds))
    if unknown_rate < 1:
        total = total + (1 - unknown_rate) * (
            costs.false_new * rates.false_new + costs.misidentified * rates.misidentified
        )
    if unknown_rate > 0:
        total = total + unknown_rate * costs.false_match * rates.false_match
    return total
