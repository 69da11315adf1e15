"""Find the nearest rows of a matrix by cosine. All pairs are compared, one block of rows at a time to save memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 12
"""Number of neighbours that each row is paired with; a longer series of copies is still found as a chain."""
_BLOCK = 1 << 25  # numbers in a block: 134 MB of float32


@dataclass(frozen=True, slots=True, eq=False)
class CosinePairs:
    """Pairs of rows and their cosines.

    Attributes:
        rows: The two rows of each pair, the lower first, sorted and without repetition, ``(n_pair, 2)``.
        cosine: Cosine of each pair, -1 to 1, ``(n_pair,)``.
    """

    rows: NDArray[np.int64]
    cosine: NDArray[np.float64]


def nearest_above(unit: NDArray[np.float32], least: float, *, neighbours: int = NEIGHBOURS) -> CosinePairs:
    """Return the pairs in which one row is among the nearest neighbours of the other.

    Args:
        unit: Vectors of length 1, ``(n, dim)``; zero vectors are paired with nothing.
        least: Lowest cosine of a pair, above 0.
        neighbours: Number of neighbours that are kept for each row.

    Example:
        >>> nearest_above(np.array([[1, 0], [0, 1], [1, 0]], np.float32), 0.5).rows.tolist()
        [[0, 2]]
    """
    rows, cosine = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    step = max(1, _BLOCK // max(1, len(unit)))
    for start in range(0, len(unit), step):
        block = unit[start : start + step] @ unit.T
        block_rows = np.arange(len(block))
        block[block_rows, start + block_rows] = -1
        flat = np.flatnonzero(block.ravel() >= least)
        value = block.ravel()[flat]
        first, second = np.divmod(flat, len(unit))
        order = np.lexsort((-value, first))
        begins = np.searchsorted(first, block_rows)  # flat positions are sorted, so first is sorted too
        order = order[np.arange(len(order)) - begins[first] < neighbours]
        rows.append(np.sort(np.stack([start + first[order], second[order]], axis=1), axis=1))
        cosine.append(value[order].astype(np.float64))
    pairs, unique = np.unique(np.concatenate(rows), axis=0, return_index=True)
    return CosinePairs(pairs, np.concatenate(cosine)[unique])
