"""The share of correct predictions for each animal, for several runs with the same queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.answers import identity_codes


@dataclass(frozen=True, slots=True, eq=False)
class IdentityRates:
    """Rates of the animals for the runs on one split; sorted by group, with known before unknown animals.

    Attributes:
        animal: Name of each animal, the same in every split that tests it, ``(n_animal,)`` strings.
        group: Group of each animal, ``(n_animal,)`` strings.
        known: Whether each animal is in the gallery, ``(n_animal,)``.
        rate: Share of each animal's queries that each run predicts correctly, in [0, 1], ``(n_animal, n_run)``.

    Raises:
        ValueError: Lengths differ, or a rate is ``nan`` or outside [0, 1].

    Example:
        >>> rates = identity_rates(["ana", "ana", "zoe"], [True, True, False], ["cat"] * 3,
        ...                        [["ana", "new_individual", "new_individual"]])
        >>> rates.rate[:, 0].tolist(), rates.scores().tolist()
        ([0.5, 1.0], [0.7071067811865476])
    """

    animal: NDArray[Any]
    group: NDArray[Any]
    known: NDArray[np.bool_]
    rate: NDArray[np.float64]

    def __post_init__(self) -> None:
        n_animal = len(self.animal)
        if self.group.shape != (n_animal,) or self.known.shape != (n_animal,) or len(self.rate) != n_animal:
            raise ValueError("animal, group, known and rate differ in length")
        if self.rate.ndim != 2 or ((self.rate < 0) | (self.rate > 1) | np.isnan(self.rate)).any():
            raise ValueError("rates are not one (n_animal, n_run) table of numbers in [0, 1]")

    @property
    def n_run(self) -> int:
        """Number of runs."""
        return int(self.rate.shape[1])

    def rows(self, group: str, known: bool) -> NDArray[np.int64]:
        """Return the rows of one group's known or unknown animals."""
        return np.flatnonzero((self.group == group) & (self.known == known))

    def counted_groups(self) -> list[str]:
        """Return the groups with known and unknown animals, which the score averages."""
        return [str(name) for name in np.unique(self.group) if len(np.unique(self.known[self.group == name])) == 2]

    def count(self, known: bool) -> int:
        """Return the number of known or of unknown animals over all groups."""
        return int((self.known == known).sum())

    def scores(self) -> NDArray[np.float64]:
        """Return the official score of each run, ``(n_run,)``; ``nan`` if no group has both sides."""
        groups = self.counted_groups()
        if not groups:
            return np.full(self.n_run, np.nan)
        means = [[self.rate[self.rows(name, side)].mean(axis=0) for side in (True, False)] for name in groups]
        return np.asarray(np.mean([np.sqrt(known * unknown) for known, unknown in means], axis=0))

    def select(self, runs: Sequence[int]) -> IdentityRates:
        """Return the same animals with the given columns of runs."""
        return IdentityRates(self.animal, self.group, self.known, self.rate[:, list(runs)])


def identity_rates(
    true: ArrayLike, known: ArrayLike, group: ArrayLike, predicted: Sequence[ArrayLike]
) -> IdentityRates:
    """Average correct predictions within each animal.

    Args:
        true: True identity of each query; for a new animal the hidden one, ``(n_query,)``.
        known: Whether the identity is in the gallery, ``(n_query,)``.
        group: Group of each query, ``(n_query,)``.
        predicted: Predictions of each run, ``n_run`` arrays ``(n_query,)``.
    """
    names, groups = np.asarray(true, dtype=str), np.asarray(group, dtype=str)
    enrolled = np.asarray(known, dtype=bool)
    right = np.stack(
        [
            np.where(enrolled, np.asarray(answers, dtype=str) == names, np.asarray(answers, dtype=str) == NEW_IDENTITY)
            for answers in predicted
        ],
        axis=1,
    )
    _, first, code, count = np.unique(
        identity_codes(groups, names), return_index=True, return_inverse=True, return_counts=True
    )
    rate = (
        np.stack([np.bincount(code, weights=each, minlength=len(first)) for each in right.T], axis=1) / count[:, None]
    )
    order = np.lexsort((names[first], ~enrolled[first], groups[first]))
    first = first[order]
    animal = np.array([f"{groups[i]}\x00{names[i]}" for i in first])
    return IdentityRates(animal, groups[first], enrolled[first], rate[order])
