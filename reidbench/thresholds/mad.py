"""``mad[=Z]``: the median impostor score plus Z robust standard deviations.

The robust standard deviation is 1.4826 times the median absolute deviation. For normally distributed scores it equals
the standard deviation, and a few unusual scores do not change it. Impostor scores are the same as for ``evt``; each
identity has the same weight.

Source: the z-score (d - median) / (1.4826 MAD) of impostor distances, as used for AnimalCLEF 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.metrics.answers import Answers
from reidbench.thresholds.evt import impostors
from reidbench.thresholds.scoped import Choice, ScopedPolicy, Side, read_number

FEWEST = 5
"""Smallest number of impostor scores."""
NORMAL = 1.4826  # 1 / (75 % quantile of the standard normal distribution)


@dataclass(frozen=True)
class Mad(ScopedPolicy):
    """Policy that puts the threshold a number of robust standard deviations above the median impostor score."""

    name: ClassVar[str] = "mad"
    sides: ClassVar[tuple[Side, ...]] = ()
    z: float = 2.0

    @property
    @override
    def argument(self) -> str:
        return f"{self.z:g}"

    @classmethod
    @override
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Return the policy for ``mad`` or ``mad=Z``."""
        z = read_number(cls.name, value, default=2.0, low=-20, high=20, what="a number of deviations", example="2")
        return cls(scope=cls.read_scope(scope, cls.name), z=z)

    @override
    def shortage(self, answers: Answers) -> str:
        count = int((answers.impostor_score > -np.inf).sum())
        return "" if count >= FEWEST else f"{{where}} has {count} impostor scores; a deviation needs {FEWEST}"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        scores, weights = impostors(answers)
        centre = weighted_median(scores, weights)
        deviation = np.abs(scores - centre)
        order = np.argsort(deviation, kind="stable")
        return Choice(centre + self.z * NORMAL * weighted_median(deviation[order], weights[order]))


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the weighted median: the mean of the two middle values if exactly half of the weight is below.

    Args:
        values: Values in increasing order, ``(n,)``.
        weights: Weight of each value, with sum 1, ``(n,)``.

    Example:
        >>> weighted_median(np.array([1.0, 2.0, 5.0]), np.array([0.25, 0.25, 0.5]))
        3.5
    """
    mass = np.cumsum(weights)
    low = int(np.searchsorted(mass, 0.5 - 1e-12))
    high = int(np.searchsorted(mass, 0.5 + 1e-12))
    return float((values[low] + values[min(high, len(values) - 1)]) / 2)
