"""Nearest rows of a matrix, block by block: every pair is multiplied, and no more than a block of them is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 12
"""Nearest images that each is paired with; a longer series of one photograph is still found, as a chain."""
_BLOCK = 1 << 25  # numbers of a block: 134 MB of float32


@dataclass(frozen=True, slots=True, eq=False)
class CosinePairs:
    """Pairs of rows and how alike they are.

    Attributes:
        rows: The two rows, the lower first, each pair once, in order, ``(n_pair, 2)``.
        cosine: Cosine of each pair, -1 to 1, ``(n_pair,)``.
    """

    rows: NDArray[np.int64]
    cosine: NDArray[np.float64]


def nearest_above(unit: NDArray[np.float32], least: float, *, neighbours: int = NEIGHBOURS) -> CosinePairs:
    """Return the pairs in which one row is among the nearest of the other.

    Args:
        unit: Rows of length 1, or 0, which are paired with nothing, ``(n, dim)``.
        least: Least cosine of a pair, above 0.
        neighbours: How many of each row are kept.

    Example:
        >>> nearest_above(np.array([[1, 0], [0, 1], [1, 0]], np.float32), 0.5).rows.tolist()
        [[0, 2]]
    """
    rows, cosine = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    step = max(1, _BLOCK // max(1, len(unit)))
    for start in range(0, len(unit), step):
        alike = unit[start : start + step] @ unit.T
        place = np.arange(len(alike))
        alike[place, start + place] = -1
        flat = np.flatnonzero(alike.ravel() >= least)
        value = alike.ravel()[flat]
        first, second = np.divmod(flat, len(unit))
        order = np.lexsort((-value, first))
        begins = np.searchsorted(first, place)  # flat positions go up, so first does
        order = order[np.arange(len(order)) - begins[first] < neighbours]
        rows.append(np.sort(np.stack([start + first[order], second[order]], axis=1), axis=1))
        cosine.append(value[order].astype(np.float64))
    pairs, at = np.unique(np.concatenate(rows), axis=0, return_index=True)
    return CosinePairs(pairs, np.concatenate(cosine)[at])
