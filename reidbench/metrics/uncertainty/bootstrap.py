"""Intervals from reweighted animals: each fold is a product of weights and rates of animals.

Each animal draws an exponential weight, the same for every method and every split that tests it. Weights are normalised
within group and side (known or unknown): the Bayesian bootstrap. Half an animal that is always right and half an animal
that is always wrong are added to each side. For rates of 0 and 1 this gives the Jeffreys interval, whose coverage is
close to nominal also with few animals. A percentile interval over six unknown animals covers .89 at a nominal .95, and
has no width if all animals are right.

Sources: Rubin 1981 (the Bayesian bootstrap); Brown, Cai and DasGupta 2001 (the Jeffreys interval).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.uncertainty.rates import IdentityRates

FOLDS = 10_000
CONFIDENCE_LEVEL = 0.95
END_ANIMALS = 0.5
"""Weight of the added animal that is always right, and of the one that is always wrong, in animals. It is divided by
the number of splits; otherwise six splits of few animals would be drawn to the middle six times as much."""
BLOCK_BYTES = 64 << 20  # memory of the weights that are drawn at once


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of a number.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Nominal coverage, in (0, 1).
    """

    low: float
    high: float
    level: float = CONFIDENCE_LEVEL


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """BAKS, BAUS and score of each fold and run; ``nan`` if a side has no animal.

    Attributes:
        baks: BAKS, ``(n_fold, n_run)``.
        baus: BAUS, ``(n_fold, n_run)``.
        score: ``sqrt(baks * baus)`` of a group, or the mean over groups, ``(n_fold, n_run)``.
    """

    baks: NDArray[np.float64]
    baus: NDArray[np.float64]
    score: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """The reweighted metrics of the runs on one split.

    Attributes:
        overall: Over all groups.
        groups: Of each group, by its name.
    """

    overall: Sides
    groups: Mapping[str, Sides]


def interval(folds: NDArray[np.float64], value: float, level: float = CONFIDENCE_LEVEL) -> Interval:
    """Return the equal-tailed interval of folds, widened if needed to contain the value.

    Args:
        folds: Values of the folds, ``(n_fold,)``.
        value: The value of the data, without reweighting.
        level: Nominal coverage, in (0, 1).

    Example:
        >>> found = interval(np.arange(1001) / 1000, 0.5)
        >>> round(found.low, 6), round(found.high, 6)
        (0.025, 0.975)
    """
    low, high = np.quantile(folds, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(min(low, value)), float(max(high, value)), level)


def draw_folds(
    parts: Sequence[IdentityRates],
    *,
    owners: Sequence[Sequence[int]] | None = None,
    n_folds: int = FOLDS,
    seed: int = 0,
) -> list[Folds]:
    """Reweight the animals many times, with the same weights for every run and every split.

    Args:
        parts: Rates of the runs on each split.
        owners: For each split the method of each run. The seeds of one method share the weights of the added animals.
            By default each run is a separate method.
        n_folds: Number of reweightings.
        seed: Seed of the weights.

    Returns:
        The reweighted metrics of each split; fold ``i`` has the same weights on all splits.
    """
    rng = np.random.default_rng(seed)
    animals = np.unique(np.concatenate([part.animal for part in parts]))
    columns = [np.searchsorted(animals, part.animal) for part in parts]
    owners = owners or [range(part.n_run) for part in parts]
    kept: list[dict[str, list[Sides]]] = [{} for _ in parts]
    block = max(1, BLOCK_BYTES // (4 * max(len(animals), 1)))
    for start in range(0, n_folds, block):
        n_block = min(block, n_folds - start)
        weights = rng.standard_exponential((n_block, len(animals)), dtype=np.float32)
        for part, column, owner, blocks in zip(parts, columns, owners, kept, strict=True):
            for name, sides in _block(part, weights, column, np.asarray(owner), rng, END_ANIMALS / len(parts)).items():
                blocks.setdefault(name, []).append(sides)
    return [_joined(blocks) for blocks in kept]


_OVERALL = ""  # no group has this name: a group without a name gets that of its dataset


def _block(
    part: IdentityRates,
    weights: NDArray[np.float32],
    column: NDArray[np.int64],
    owner: NDArray[np.int64],
    rng: np.random.Generator,
    end_animals: float,
) -> dict[str, Sides]:
    n_block, counted = len(weights), set(part.counted_groups())
    _, method = np.unique(owner, return_inverse=True)
    total = {True: np.zeros((n_block, part.n_run)), False: np.zeros((n_block, part.n_run))}
    sides: dict[str, Sides] = {}
    scores = []
    for name in np.unique(part.group):
        side_of = {}
        for known in (True, False):
            rows = part.rows(str(name), known)
            if not len(rows):
                side_of[known] = np.full((n_block, part.n_run), np.nan)
                continue
            ends = rng.standard_gamma(end_animals, (2, n_block, int(method.max()) + 1), dtype=np.float32)
            mass = np.column_stack([part.rate[rows], np.ones(len(rows))]).astype(np.float32)
            sums = weights[:, _as_slice(column[rows])] @ mass
            right, wrong = ends[0][:, method], ends[1][:, method]
            side_of[known] = ((sums[:, :-1] + right) / (sums[:, -1:] + right + wrong)).astype(np.float64)
            total[known] += len(rows) * side_of[known]
        score = np.sqrt(side_of[True] * side_of[False])
        sides[str(name)] = Sides(side_of[True], side_of[False], score)
        if name in counted:
            scores.append(score)
    nothing = np.full((n_block, part.n_run), np.nan)
    baks, baus = (total[known] / part.count(known) if part.count(known) else nothing for known in (True, False))
    sides[_OVERALL] = Sides(baks, baus, np.mean(scores, axis=0) if scores else nothing)
    return sides


def _as_slice(column: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return neighbouring columns as a slice, which numpy reads without a copy."""
    first, last = int(column[0]), int(column[-1])
    return slice(first, last + 1) if (np.diff(column) == 1).all() else column


def _joined(blocks_of: Mapping[str, Sequence[Sides]]) -> Folds:
    joined = {
        name: Sides(*(np.concatenate([getattr(b, side) for b in blocks]) for side in ("baks", "baus", "score")))
        for name, blocks in blocks_of.items()
    }
    return Folds(joined.pop(_OVERALL), joined)
