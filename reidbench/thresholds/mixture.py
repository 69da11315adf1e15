"""``mixture``: where two normal distributions fitted to the best scores cross. It looks at no label.

The higher one is taken for known animals, the lower for unknown ones; a query counts as known where the
higher is the more likely. Where the two do not cross between their means, Otsu's cut is taken, with a note.
It is for a catalogue whose calibration queries nobody has labelled.

Source: expectation-maximisation started from Otsu's cut (Otsu 1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.metrics.answers import Answers
from reidbench.metrics.sweep import midpoint
from reidbench.thresholds.scoped import Choice, ScopedPolicy, Side

FEWEST = 10
STEPS = 200
NARROWEST = 1e-2  # of the spread of all scores: a normal distribution on one repeated score would have none


@dataclass(frozen=True)
class Mixture(ScopedPolicy):
    """Part the best scores in two without looking at a label."""

    name: ClassVar[str] = "mixture"
    sides: ClassVar[tuple[Side, ...]] = ()

    @override
    def shortage(self, answers: Answers) -> str:
        scores = answers.best_score[answers.best_score > -np.inf]
        if len(scores) < FEWEST:
            return f"{{where}} has {len(scores)} scores, and a mixture needs {FEWEST}"
        return "" if len(np.unique(scores)) > 1 else "all scores of {where} are equal"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        scores = np.sort(answers.best_score[answers.best_score > -np.inf])
        value = crossing(scores)
        if value is None:
            return Choice(otsu(scores), ("the two parts of a mixture do not cross in {where}: Otsu's cut is taken",))
        return Choice(value)


def otsu(scores: NDArray[np.float64]) -> float:
    """Return the cut of rising scores with the least variance within the two sides.

    Example:
        >>> otsu(np.array([0.0, 0.1, 0.9, 1.0]))
        0.5
    """
    n = np.arange(1, len(scores))
    low = np.cumsum(scores)[:-1]
    gap = low / n - (scores.sum() - low) / (len(scores) - n)
    apart = np.where(scores[1:] > scores[:-1], n * (len(scores) - n) * gap**2, -1.0)
    cut = int(np.argmax(apart))
    return float(midpoint(scores[cut], scores[cut + 1]))


def crossing(scores: NDArray[np.float64]) -> float | None:
    """Fit two normal distributions and return where the higher becomes the more likely; ``None`` if nowhere.

    Args:
        scores: Finite, of at least two values, ``(n,)``.
    """
    narrowest = NARROWEST * scores.std()
    share = np.where(scores >= otsu(scores), 1.0, 0.0)
    for _ in range(STEPS):
        weight = np.array([(1 - share).sum(), share.sum()])
        if weight.min() < 1:
            return None
        mean = np.array([((1 - share) * scores).sum(), (share * scores).sum()]) / weight
        spread = np.array([((1 - share) * (scores - mean[0]) ** 2).sum(), (share * (scores - mean[1]) ** 2).sum()])
        deviation = np.maximum(np.sqrt(spread / weight), narrowest)
        before, share = share, _share_of_higher(scores, weight / len(scores), mean, deviation)
        if np.abs(share - before).max() < 1e-9:
            break
    if not mean[1] > mean[0]:
        return None
    places = np.linspace(mean[0], mean[1], 2001)
    higher = np.flatnonzero(_share_of_higher(places, weight / len(scores), mean, deviation) >= 0.5)
    return float(places[higher[0]]) if len(higher) and higher[0] > 0 else None


def _share_of_higher(
    scores: NDArray[np.float64], weight: NDArray[Any], mean: NDArray[Any], deviation: NDArray[Any]
) -> NDArray[np.float64]:
    """Return how likely each score is of the second distribution."""
    log = np.log(weight / deviation) - ((scores[:, None] - mean) / deviation) ** 2 / 2
    return np.asarray(1 / (1 + np.exp(np.clip(log[:, 0] - log[:, 1], -700, 700))))
