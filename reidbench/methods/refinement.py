"""Refinement: a fast matcher compares all pairs of images, a slow one only the best pairs of each query.

The two similarities are joined into one scale:

- A pair that only the fast matcher compared has ``n / (n + 1)`` with its number of matches ``n``: a value in [0, 1).
- A pair that the slow matcher compared has ``1 + n`` with the number of matches of the slow matcher: at least 1.

A refined pair therefore ranks above every pair that was not refined. The best pair of a query is always refined if it
has a match at all, so thresholds and score calibration compare numbers of the slow matcher with each other. The value
of a pair depends on its query and on the gallery that the query searches, not on other queries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from reidbench.methods.contract import Settings

CLEAR_MATCHES = 20
"""A best pair with at least this number of fast matches is clear."""
CLEAR_SHARE = 3
"""A clear best pair decides against pairs with less than one third of its fast matches."""


def _is_zero(value: int) -> bool:
    """Return whether refinement is off; only then is the setting left out of run ids, which have to stay."""
    return value == 0


class RefineSettings(Settings):
    """The setting ``refine`` of a local method; a plugin's settings class can inherit it."""

    refine: int = Field(
        0,
        ge=0,
        exclude_if=_is_zero,
        description="compare all pairs by a fast matcher, and only this number of the best pairs of each query by the "
        "slow one; 0 compares all by the slow one",
    )


def pairs_to_refine(
    query: NDArray[np.int64], n_match: NDArray[np.int64], confidence: NDArray[Any], refine: int
) -> NDArray[np.int64]:
    """Choose the pairs of images that the slow matcher compares.

    For each query these are at most ``refine`` pairs with the most fast matches. A pair without a match is never
    chosen. If the best pair has at least :data:`CLEAR_MATCHES` matches, a pair with less than a third of them is not
    chosen either: the decision between the two is not open. Equal numbers of matches are ordered by the sum of their
    confidences, then by their place.

    Args:
        query: Number of the query of each pair, ``(n_pair,)``.
        n_match: Number of fast matches of each pair, ``(n_pair,)``.
        confidence: Sum of the confidences of these matches, ``(n_pair,)``.
        refine: Largest number of pairs of each query.

    Returns:
        Places of the chosen pairs, in increasing order.

    Example:
        >>> pairs_to_refine(np.array([0, 0, 0, 1]), np.array([3, 9, 5, 0]), np.array([1.0, 4.0, 2.0, 0.0]), 2).tolist()
        [1, 2]
    """
    order = np.lexsort((-confidence, -n_match, query))
    starts = np.flatnonzero(np.append(True, query[order][1:] != query[order][:-1]))[: len(order)]
    lengths = np.diff(np.append(starts, len(order)))
    rank = np.arange(len(order)) - np.repeat(starts, lengths)
    best = np.repeat(n_match[order][starts], lengths)
    counts = n_match[order]
    is_decided = (best >= CLEAR_MATCHES) & (CLEAR_SHARE * counts < best)
    return np.sort(order[(rank < refine) & (counts > 0) & ~is_decided]).astype(np.int64)


def joined_similarity(n_fast: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the similarity of pairs that only the fast matcher compared, in [0, 1).

    Example:
        >>> joined_similarity(np.array([0, 1, 3])).tolist()
        [0.0, 0.5, 0.75]
    """
    return np.asarray(n_fast / (n_fast + 1.0), dtype=np.float64)
