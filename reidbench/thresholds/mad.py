"""``mad[=Z]``: Z robust deviations above the median impostor score.

The deviation is 1.4826 times the median absolute deviation, which is a standard deviation where scores are
normal and does not move for a few odd ones. Impostor scores are as for ``evt``; each identity weighs the same.

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
NORMAL = 1.4826  # 1 / the 75 % quantile of the standard normal distribution


@dataclass(frozen=True)
class Mad(ScopedPolicy):
    """Stand a number of robust deviations above the median impostor."""

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
        """Read ``mad`` or ``mad=Z``."""
        z = read_number(cls.name, value, default=2.0, low=-20, high=20, what="a number of deviations", example="2")
        return cls(scope=cls.read_scope(scope, cls.name), z=z)

    @override
    def shortage(self, answers: Answers) -> str:
        count = int((answers.impostor_score > -np.inf).sum())
        return "" if count >= FEWEST else f"{{where}} has {count} impostor scores, and a deviation needs {FEWEST}"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        scores, weights = impostors(answers)
        centre = weighted_median(scores, weights)
        away = np.abs(scores - centre)
        order = np.argsort(away, kind="stable")
        return Choice(centre + self.z * NORMAL * weighted_median(away[order], weights[order]))


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the median of rising values whose weights sum to 1; the mean of the two middle ones at a tie.

    Example:
        >>> weighted_median(np.array([1.0, 2.0, 5.0]), np.array([0.25, 0.25, 0.5]))
        3.5
    """
    mass = np.cumsum(weights)
    low = int(np.searchsorted(mass, 0.5 - 1e-12))
    high = int(np.searchsorted(mass, 0.5 + 1e-12))
    return float((values[low] + values[min(high, len(values) - 1)]) / 2)
