"""The difference of two mean scores with different queries that share animals.

Each animal draws one weight for both scores, so the effect of shared animals cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reidbench.metrics.uncertainty.bootstrap import Interval, draw_folds, interval
from reidbench.metrics.uncertainty.rates import IdentityRates


@dataclass(frozen=True, slots=True)
class Difference:
    """One mean score minus another, over the same reweighted animals.

    Attributes:
        value: The difference.
        interval: 95 % interval of the difference.
    """

    value: float
    interval: Interval


def mean_difference(left: Sequence[IdentityRates], right: Sequence[IdentityRates]) -> Difference | None:
    """Return the mean score of some episodes minus that of others.

    Args:
        left: Rates of one run in each episode.
        right: Rates of one run in each episode, to subtract.

    Returns:
        The difference; ``None`` if a score is undefined because no group has known and new animals.
    """
    value = mean_score(left) - mean_score(right)
    if np.isnan(value):
        return None
    folds = draw_folds([*left, *right])
    sides = folds[: len(left)], folds[len(left) :]
    scores = [np.mean([each.overall.score[:, 0] for each in side], axis=0) for side in sides]
    return Difference(value, interval(scores[0] - scores[1], value))


def mean_score(rates: Sequence[IdentityRates]) -> float:
    """Return the mean official score of several episodes, from the rates of one run in each."""
    return float(np.mean([each.scores()[0] for each in rates]))
