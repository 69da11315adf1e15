"""``evt[=RATE]``: the score that an impostor exceeds with probability RATE, read off a fitted tail.

Impostor scores are each calibration query's best score of an identity that is not its own, known queries
included. Few of them lie where the threshold has to be, so a generalised Pareto distribution is fitted to
the upper tail and read beyond the data. Each identity weighs the same.

Source: peaks over a threshold by probability-weighted moments (Hosking and Wallis 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.metrics.answers import Answers
from reidbench.thresholds.scoped import Choice, ScopedPolicy, Side, read_number

FEWEST = 20
TAIL = 0.25
"""Share of the impostor scores that counts as the tail."""


@dataclass(frozen=True)
class Evt(ScopedPolicy):
    """Bound the share of impostors by the tail of their scores."""

    name: ClassVar[str] = "evt"
    sides: ClassVar[tuple[Side, ...]] = ()
    rate: float = 0.1

    @property
    @override
    def argument(self) -> str:
        return f"{self.rate:g}"

    @classmethod
    @override
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Read ``evt`` or ``evt=RATE``."""
        rate = read_number(cls.name, value, default=0.1, low=0, high=1, what="a rate between 0 and 1", example="0.1")
        return cls(scope=cls.read_scope(scope, cls.name), rate=rate)

    @override
    def shortage(self, answers: Answers) -> str:
        count = int((answers.impostor_score > -np.inf).sum())
        return "" if count >= FEWEST else f"{{where}} has {count} impostor scores, and a tail needs {FEWEST}"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        scores, weights = impostors(answers)
        return Choice(tail_quantile(scores, weights, self.rate))


def impostors(answers: Answers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the finite impostor scores, rising, and weights that sum to 1, the same for each identity."""
    kept = answers.take(answers.impostor_score > -np.inf)
    _, code, count = np.unique(kept.identity_code, return_inverse=True, return_counts=True)
    order = np.argsort(kept.impostor_score, kind="stable")
    weights = 1.0 / (count[code] * len(count))
    return kept.impostor_score[order], np.asarray(weights[order], dtype=np.float64)


def tail_quantile(scores: NDArray[np.float64], weights: NDArray[np.float64], rate: float) -> float:
    """Return the value that is exceeded with probability ``rate``.

    Args:
        scores: Rising, ``(n,)``.
        weights: Sum to 1, ``(n,)``.
        rate: In (0, 1); above ``TAIL`` the data's own quantile is taken.

    Example:
        >>> even = np.full(1000, 1 / 1000)
        >>> round(tail_quantile(np.sort(np.random.default_rng(0).exponential(size=1000)), even, 0.01), 1)  # ln 100
        4.6
    """
    above = 1 - np.cumsum(weights) + weights / 2  # mass above the middle of each score
    if rate >= TAIL:
        return float(np.interp(-rate, -above, scores))
    level = float(np.interp(-TAIL, -above, scores))
    beyond = scores > level
    if not beyond.any():
        return float(np.nextafter(level, np.inf))
    excess, share = scores[beyond] - level, weights[beyond] / weights[beyond].sum()
    left = 1 - np.cumsum(share) + share / 2
    first, second = float((share * excess).sum()), float((share * left * excess).sum())
    shape = 2 - first / (first - 2 * second) if first > 2 * second else 0.0
    scale = 2 * first * second / (first - 2 * second) if first > 2 * second else first
    shrinkage = np.log(rate / TAIL)
    if abs(shape) < 1e-6:
        return float(level - scale * shrinkage)
    return float(level + scale / shape * np.expm1(-shape * shrinkage))
