"""Test whether two methods differ: paired differences over the same animals, and a test that exchanges their rates.

If two methods are equally good, it is chance which of them has the higher rate for an animal. Exchanging their rates
for a random half of the animals then gives differences as likely as the observed one. The p-value is the share of
exchanges with a difference at least as large. At a level of .05, identical methods are called different in 5 % of
cases.

Sources: Fisher 1935 (the permutation test); Holm 1979 (several comparisons).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.metrics.uncertainty.rates import IdentityRates

SIGNIFICANCE_LEVEL = 0.05
"""A difference whose p-value is at most this one is significant."""
FLIPS = 10_000
BLOCK_BYTES = 64 << 20
ROUNDING = 1e-6  # the same single-precision sum in another order differs by less


def beats(folds_a: NDArray[np.float64], folds_b: NDArray[np.float64]) -> float:
    """Return the share of folds in which A is above B; a tie counts one half.

    Args:
        folds_a: Values of A, ``(n_fold,)``.
        folds_b: Values of B in the same folds, ``(n_fold,)``.

    Example:
        >>> beats(np.array([0.5, 0.6, 0.7]), np.array([0.4, 0.6, 0.8]))
        0.5
    """
    return float(np.mean((folds_a > folds_b) + 0.5 * (folds_a == folds_b)))


def sign_flip_p_values(
    parts: Sequence[IdentityRates],
    pairs: Sequence[tuple[int, int]],
    *,
    n_flips: int = FLIPS,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return the p-value of each pair of methods, for the difference of their scores.

    Args:
        parts: Rates on each split, with one column for each method. An animal is exchanged on all splits at once.
        pairs: Pairs of columns to compare.
        n_flips: Number of random exchanges.
        seed: Seed of the exchanges.

    Returns:
        P-values in (0, 1], at least ``1 / (n_flips + 1)``, ``(n_pair,)``; ``nan`` if no group has both sides.
    """
    rng = np.random.default_rng(seed)
    parts = [part for part in parts if part.counted_groups()]
    if not parts or not pairs:
        return np.full(len(pairs), np.nan)
    animals = np.unique(np.concatenate([part.animal for part in parts]))
    columns = [np.searchsorted(animals, part.animal) for part in parts]
    seen = np.abs(_differences(parts, columns, np.ones((1, len(animals)), dtype=np.float32), pairs)[0])
    as_large = np.zeros(len(pairs))
    block = max(1, BLOCK_BYTES // (4 * len(animals)))
    for start in range(0, n_flips, block):
        shape = (min(block, n_flips - start), len(animals))
        flips = rng.integers(0, 2, shape, dtype=np.int8).astype(np.float32) * 2 - 1
        as_large += (np.abs(_differences(parts, columns, flips, pairs)) >= seen - ROUNDING).sum(axis=0)
    return np.asarray((1 + as_large) / (1 + n_flips))


def _differences(
    parts: Sequence[IdentityRates],
    columns: Sequence[NDArray[np.int64]],
    flips: NDArray[np.float32],
    pairs: Sequence[tuple[int, int]],
) -> NDArray[np.float64]:
    """Return the difference of scores for each exchange, ``(n_flip, n_pair)``."""
    first, second = (list(side) for side in zip(*pairs, strict=True))
    of_part = []
    for part, column in zip(parts, columns, strict=True):
        of_group = []
        for name in part.counted_groups():
            sides = []
            for known in (True, False):
                rows = part.rows(name, known)
                a, b = part.rate[rows][:, first], part.rate[rows][:, second]
                middle = (a + b).mean(axis=0) / 2
                moved = flips[:, column[rows]] @ ((a - b) / 2 / len(rows)).astype(np.float32)
                sides.append((np.maximum(middle + moved, 0), np.maximum(middle - moved, 0)))
            (known_a, known_b), (unknown_a, unknown_b) = sides
            of_group.append(np.sqrt(known_a * unknown_a) - np.sqrt(known_b * unknown_b))
        of_part.append(np.mean(of_group, axis=0))
    return np.asarray(np.mean(of_part, axis=0), dtype=np.float64)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values for the number of comparisons by Holm's method.

    The probability of at least one false positive among all comparisons is then at most the level of one test.

    Args:
        p_values: P-values, ``(n,)``; a ``nan`` is no comparison and stays ``nan``.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(10).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    defined = np.flatnonzero(~np.isnan(p))
    order = defined[np.argsort(p[defined], kind="stable")]
    stepped = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted
