"""Rank intervals, and groups of methods that are not shown to differ.

The best rank of a method is one more than the number of methods shown to be better. Its worst rank is above all methods
shown to be worse. With p-values adjusted for the number of comparisons, all rank intervals hold together at the level
of one.

Source: Mogstad, Romano, Shaikh and Wilhelm 2024, inference for ranks by pairwise comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def rank_intervals(values: Sequence[float], differs: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the best and the worst rank of each method.

    Args:
        values: Value of each method; higher is better, ``(n_method,)``.
        differs: Whether two methods are shown to differ; symmetric, ``(n_method, n_method)``.

    Example:
        >>> rank_intervals([0.9, 0.8, 0.3], np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]], dtype=bool))
        [(1, 2), (1, 2), (3, 3)]
    """
    value = np.asarray(values, dtype=np.float64)
    better = differs & (value[None, :] > value[:, None])
    worse = differs & (value[None, :] < value[:, None])
    return [
        (1 + int(up), len(value) - int(down)) for up, down in zip(better.sum(axis=1), worse.sum(axis=1), strict=True)
    ]


def tie_groups(values: Sequence[float], differs: NDArray[np.bool_]) -> list[int]:
    """Return the tie group of each method, 1 for the best.

    A group holds the methods that are not shown to differ from its best method.

    Args:
        values: Value of each method; higher is better, ``(n_method,)``.
        differs: Whether two methods are shown to differ; symmetric, ``(n_method, n_method)``.

    Example:
        >>> tie_groups([0.9, 0.8, 0.3], np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]], dtype=bool))
        [1, 1, 2]
    """
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")
    groups, first, group = [0] * len(order), -1, 0
    for place in order:
        if first < 0 or differs[first, place]:
            first, group = int(place), group + 1
        groups[int(place)] = group
    return groups
