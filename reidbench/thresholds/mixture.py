"""``mixture``: the point where two normal distributions fitted to the best scores cross. It uses no labels.

The distribution with the higher mean represents known animals, the other unknown animals. A query counts as known
if the higher distribution is more likely. If the two do not cross between their means, Otsu's threshold is used, with a
note. The policy is for calibration queries without labels.

Source: expectation-maximisation, started from Otsu's threshold (Otsu 1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from typing_extensions import override

from reidbench.metrics.answers import Answers
from reidbench.metrics.sweep import midpoint
from reidbench.thresholds.scoped import Choice, ScopedPolicy, Side

FEWEST = 10
"""Smallest number of scores."""
STEPS = 200
"""Largest number of steps of expectation-maximisation."""
NARROWEST = 1e-2
"""Smallest standard deviation of a distribution, as a share of that of all scores; a repeated score would give 0."""


@dataclass(frozen=True)
class Mixture(ScopedPolicy):
    """Policy that divides the best scores into two distributions without labels."""

    name: ClassVar[str] = "mixture"
    sides: ClassVar[tuple[Side, ...]] = ()

    @override
    def shortage(self, answers: Answers) -> str:
        scores = answers.best_score[answers.best_score > -np.inf]
        if len(scores) < FEWEST:
            return f"{{where}} has {len(scores)} scores; a mixture needs {FEWEST}"
        return "" if len(np.unique(scores)) > 1 else "all scores of {where} are equal"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        scores = np.sort(answers.best_score[answers.best_score > -np.inf])
        value = crossing(scores)
        if value is None:
            return Choice(otsu(scores), ("{where}: the two distributions do not cross, so Otsu's threshold is used",))
        return Choice(value)


def otsu(scores: NDArray[np.float64]) -> float:
    """Return the threshold that divides scores into two sides with the smallest variance within the sides.

    Args:
        scores: Finite scores in increasing order, ``(n,)``, at least two different ones.

    Example:
        >>> otsu(np.array([0.0, 0.1, 0.9, 1.0]))
        0.5
    """
    n = np.arange(1, len(scores))
    low = np.cumsum(scores)[:-1]
    gap = low / n - (scores.sum() - low) / (len(scores) - n)
    variance_between = np.where(scores[1:] > scores[:-1], n * (len(scores) - n) * gap**2, -1.0)
    cut = int(np.argmax(variance_between))
    return float(midpoint(scores[cut], scores[cut + 1]))


def crossing(scores: NDArray[np.float64]) -> float | None:
    """Fit two normal distributions and return the score from which the higher one is more likely.

    Args:
        scores: Finite scores in increasing order, ``(n,)``, at least two different ones.

    Returns:
        The score, or ``None`` if there is none between the two means.
    """
    narrowest = NARROWEST * scores.std()
    higher = np.where(scores >= otsu(scores), 1.0, 0.0)  # probability that a score is of the higher distribution
    for _ in range(STEPS):
        weight = np.array([(1 - higher).sum(), higher.sum()])
        if weight.min() < 1:
            return None
        mean = np.array([((1 - higher) * scores).sum(), (higher * scores).sum()]) / weight
        squares = np.array([((1 - higher) * (scores - mean[0]) ** 2).sum(), (higher * (scores - mean[1]) ** 2).sum()])
        deviation = np.maximum(np.sqrt(squares / weight), narrowest)
        before, higher = higher, _probability_of_higher(scores, weight / len(scores), mean, deviation)
        if np.abs(higher - before).max() < 1e-9:
            break
    if not mean[1] > mean[0]:
        return None
    grid = np.linspace(mean[0], mean[1], 2001)
    likelier = np.flatnonzero(_probability_of_higher(grid, weight / len(scores), mean, deviation) >= 0.5)
    return float(grid[likelier[0]]) if len(likelier) and likelier[0] > 0 else None


def _probability_of_higher(
    scores: NDArray[np.float64], weight: NDArray[Any], mean: NDArray[Any], deviation: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the probability that each score is of the second distribution."""
    log = np.log(weight / deviation) - ((scores[:, None] - mean) / deviation) ** 2 / 2
    return np.asarray(expit(log[:, 1] - log[:, 0]))
