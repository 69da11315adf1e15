"""What a threshold is expected to cost when the user says how many animals are new and what each error costs.

The share of new animals in a test part is the split's, not the field's. Three errors do three kinds of harm: a *false
new* counts one animal twice, a *mis-identification* puts a sighting into another animal's history, a *false match*
hides an animal that was never seen before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.metrics.sweep import threshold_sweep


@dataclass(frozen=True, slots=True)
class ErrorCosts:
    """What each kind of error costs, in any unit; at least 0."""

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
    """Balanced rates of the three errors, each averaged within identities first.

    Attributes:
        thresholds: Falling, from accept none to accept all, ``(n,)``.
        false_new: Share of known queries that are rejected, ``nan`` without known queries, ``(n,)``.
        misidentified: Share of known queries accepted as another animal, ``nan`` as before, ``(n,)``.
        false_match: Share of unknown queries accepted, ``nan`` without unknown queries, ``(n,)``.
    """

    thresholds: NDArray[np.float64]
    false_new: NDArray[np.float64]
    misidentified: NDArray[np.float64]
    false_match: NDArray[np.float64]


def error_rates(best_score: ArrayLike, correct: ArrayLike, known: ArrayLike, identity_code: ArrayLike) -> ErrorRates:
    """Count the three errors at every threshold at once.

    Args:
        best_score: Best score of each query, ``(n_query,)``, ``-inf`` when nothing was compared.
        correct: Whether the best candidate is the true identity, ``(n_query,)``.
        known: Whether the true identity is enrolled, ``(n_query,)``.
        identity_code: True identity of each query as a non-negative integer, ``(n_query,)``.

    Raises:
        ValueError: As :func:`~reidbench.metrics.sweep.threshold_sweep` does.

    Example:
        >>> rates = error_rates([0.9, 0.5, 0.1], [True, False, False], [True, False, True], [0, 1, 2])
        >>> rates.false_new.tolist(), rates.misidentified.tolist(), rates.false_match.tolist()
        ([1.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 0.5], [0.0, 0.0, 1.0, 1.0])
    """
    right = threshold_sweep(best_score, correct, known, identity_code)
    accepted = threshold_sweep(best_score, known, known, identity_code).baks  # every known query counts as right
    return ErrorRates(right.thresholds, 1 - accepted, np.maximum(accepted - right.baks, 0.0), 1 - right.baus)


def expected_cost(rates: ErrorRates, unknown_rate: float, costs: ErrorCosts | None = None) -> NDArray[np.float64]:
    """Return the expected cost of one query at each threshold.

    Args:
        rates: The three errors at every threshold.
        unknown_rate: Share of queries that show new animals where the method will be used, in [0, 1].
        costs: What each error costs; 1 each if not given.

    Returns:
        ``(n,)``; ``nan`` where a rate that counts is undefined.

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
