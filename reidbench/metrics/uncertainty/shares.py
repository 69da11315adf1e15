"""Intervals of a share: of photographs, with the animals reweighted, or of independent trials.

Photographs of one animal are alike, so animals are reweighted, not photographs: the Bayesian bootstrap with half an
animal of each kind added, as for BAKS and BAUS.

Sources: Rubin 1981 (the Bayesian bootstrap); Brown, Cai and DasGupta 2001 (the Jeffreys interval).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.metrics.uncertainty.bootstrap import CONFIDENCE_LEVEL, END_ANIMALS, Interval, interval


@dataclass(frozen=True, slots=True, eq=False)
class AnimalCounts:
    """Numbers of photographs of each animal, and of those with a property.

    Attributes:
        total: Number of photographs of each animal, at least 1, ``(n_animal,)``.
        true: Number of photographs with the property, ``(n_animal,)``.

    Raises:
        ValueError: Shapes differ, an animal has no photograph, or more with the property than there are.
    """

    total: NDArray[np.int64]
    true: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.total.shape != self.true.shape or (self.total < 1).any() or (self.true > self.total).any():
            raise ValueError("each animal needs a photograph, and at most all of its photographs have the property")

    @classmethod
    def of(cls, animal: ArrayLike, true: ArrayLike) -> AnimalCounts:
        """Count photographs by animal.

        Args:
            animal: Animal of each photograph, ``(n_photograph,)``.
            true: Whether each photograph has the property, ``(n_photograph,)``.

        Example:
            >>> AnimalCounts.of(["a", "b", "a"], [True, False, False]).true.tolist()
            [1, 0]
        """
        _, code = np.unique(np.asarray(animal), return_inverse=True)
        return cls(np.bincount(code), np.bincount(code, weights=np.asarray(true, dtype=float)).astype(np.int64))

    @property
    def n_animal(self) -> int:
        """Number of animals."""
        return len(self.total)

    @property
    def n_photograph(self) -> int:
        """Number of photographs."""
        return int(self.total.sum())

    @property
    def share(self) -> float:
        """Share of photographs with the property; ``nan`` without photographs."""
        return float(self.true.sum() / self.total.sum()) if self.n_animal else float("nan")

    @property
    def likeness(self) -> float:
        """Intraclass correlation of the property within animals, in [0, 1].

        Estimated from the pairs of photographs of one animal; 0 if no animal has two photographs.
        """
        share = self.share
        pairs = float((self.total * (self.total - 1)).sum())
        spread = share * (1 - share)
        if not pairs or not spread > 0:
            return 0.0
        alike = float(((self.true - share * self.total) ** 2).sum()) - spread * self.n_photograph
        return min(max(alike / (spread * pairs), 0.0), 1.0)

    def draws(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the share for reweighted animals.

        Args:
            n: Number of reweightings.
            rng: Generator of the weights.

        Returns:
            Shares in [0, 1], ``(n,)``.
        """
        weights = rng.standard_exponential((n, self.n_animal))
        typical = self.n_photograph / max(self.n_animal, 1)
        true, false = rng.standard_gamma(END_ANIMALS, (2, n)) * typical
        return np.asarray((weights @ self.true + true) / (weights @ self.total + true + false))

    def interval(self, *, n: int = 4000, seed: int = 0) -> Interval | None:
        """Return a 95 % interval of the share from ``n`` reweightings; ``None`` without photographs."""
        if not self.n_animal:
            return None
        return interval(self.draws(n, np.random.default_rng(seed)), self.share)


def wilson_interval(n_true: int, n: int) -> Interval:
    """Return the 95 % interval of a share of independent trials.

    Args:
        n_true: Trials with the outcome, in ``[0, n]``.
        n: Trials, at least 1.

    Raises:
        ValueError: There is no trial, or ``n_true`` is not in ``[0, n]``.

    Source: Wilson, JASA 1927, as in ``scipy.stats``.

    Example:
        >>> found = wilson_interval(0, 10)
        >>> round(found.low, 4), round(found.high, 4)
        (0.0, 0.2775)
    """
    from scipy.stats import binomtest  # takes half a second to load

    if n < 1 or not 0 <= n_true <= n:  # not every version of scipy refuses these
        raise ValueError(f"n_true = {n_true} of n = {n} trials is no share")
    ends = binomtest(n_true, n).proportion_ci(confidence_level=CONFIDENCE_LEVEL, method="wilson")
    return Interval(float(ends.low), float(ends.high))
