"""``evt[=RATE]``: the score that an impostor score exceeds with probability RATE, from a fitted tail.

The impostor score of a calibration query is its best score among identities other than its own; known queries count
too. Few impostor scores are as high as the threshold has to be. A generalised Pareto distribution is therefore fitted
to the upper tail and used beyond the data. Each identity has the same weight.

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
"""Smallest number of impostor scores."""
TAIL = 0.25
"""Share of the impostor scores that belongs to the tail."""


@dataclass(frozen=True)
class Evt(ScopedPolicy):
    """Policy that accepts a given share of impostor scores, by the fitted tail."""

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
        """Return the policy for ``evt`` or ``evt=RATE``."""
        rate = read_number(cls.name, value, default=0.1, low=0, high=1, what="a rate between 0 and 1", example="0.1")
        return cls(scope=cls.read_scope(scope, cls.name), rate=rate)

    @override
    def shortage(self, answers: Answers) -> str:
        count = int((answers.impostor_score > -np.inf).sum())
        return "" if count >= FEWEST else f"{{where}} has {count} impostor scores; a tail needs {FEWEST}"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        scores, weights = impostors(answers)
        return Choice(tail_quantile(scores, weights, self.rate))


def impostors(answers: Answers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the finite impostor scores in increasing order, and weights that sum to 1, equal for each identity."""
    finite = answers.take(answers.impostor_score > -np.inf)
    _, code, count = np.unique(finite.identity_code, return_inverse=True, return_counts=True)
    order = np.argsort(finite.impostor_score, kind="stable")
    weights = 1.0 / (count[code] * len(count))
    return finite.impostor_score[order], np.asarray(weights[order], dtype=np.float64)


def tail_quantile(scores: NDArray[np.float64], weights: NDArray[np.float64], rate: float) -> float:
    """Return the value that a score exceeds with probability ``rate``.

    Args:
        scores: Scores in increasing order, ``(n,)``.
        weights: Weight of each score, with sum 1, ``(n,)``.
        rate: A probability in (0, 1). From ``TAIL`` upwards the result is the quantile of the data.

    Example:
        >>> even = np.full(1000, 1 / 1000)
        >>> round(tail_quantile(np.sort(np.random.default_rng(0).exponential(size=1000)), even, 0.01), 1)  # ln 100
        4.6
    """
    above = 1 - np.cumsum(weights) + weights / 2  # weight above each score, plus half of the weight of the score
    if rate >= TAIL:
        return float(np.interp(-rate, -above, scores))
    level = float(np.interp(-TAIL, -above, scores))
    beyond = scores > level
    if not beyond.any():
        return float(np.nextafter(level, np.inf))
    excess, share = scores[beyond] - level, weights[beyond] / weights[beyond].sum()
    exceeded = 1 - np.cumsum(share) + share / 2
    first, second = float((share * excess).sum()), float((share * exceeded * excess).sum())
    shape = 2 - first / (first - 2 * second) if first > 2 * second else 0.0
    scale = 2 * first * second / (first - 2 * second) if first > 2 * second else first
    shrinkage = np.log(rate / TAIL)
    if abs(shape) < 1e-6:
        return float(level - scale * shrinkage)
    return float(level + scale / shape * np.expm1(-shape * shrinkage))
