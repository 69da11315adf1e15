"""Open-set identification metrics: BAKS, BAUS and their geometric mean.

A query is *known* when its identity is enrolled in the gallery and *unknown* otherwise. Accuracy is
averaged within each identity first, then over identities, so an animal photographed 200 times weighs
as much as one photographed twice.

Source: BAKS and BAUS of AnimalCLEF 2025, averaged as in ``wildlife_datasets.metrics``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.constants import NEW_IDENTITY

EmptySide = Literal["null", "zero"]
"""What a side without queries is worth: undefined, or 0 as the organisers of AnimalCLEF count it."""


def balanced_accuracy(right: ArrayLike, identity: ArrayLike) -> float:
    """Mean over identities of the share of right answers; ``nan`` without queries.

    Args:
        right: Whether each query was answered rightly, ``(n_query,)``.
        identity: Its identity, as names or codes, ``(n_query,)``.

    Example:
        >>> balanced_accuracy([True, False, True], ["ana", "ana", "bo"])
        0.75
    """
    right = np.asarray(right, dtype=np.float64)
    if not len(right):
        return math.nan
    _, code = np.unique(np.asarray(identity), return_inverse=True)
    return float(np.mean(np.bincount(code, weights=right) / np.bincount(code)))


def baks(true: Sequence[str], predicted: Sequence[str], enrolled: Collection[str]) -> float:
    """Balanced accuracy on known samples.

    Args:
        true: True identity of each query, length ``n_query``.
        predicted: Identity given to each query, or ``NEW_IDENTITY``, length ``n_query``.
        enrolled: Identities present in the gallery.

    Returns:
        Mean per-identity accuracy in [0, 1]. ``nan`` when no query is known: a zero would blame the
        method for what the split left out.

    Raises:
        ValueError: ``true`` and ``predicted`` differ in length.

    Example:
        >>> baks(["ana", "ana", "bo"], ["ana", NEW_IDENTITY, "bo"], enrolled={"ana", "bo"})
        0.75
    """
    names, answers, known = _sides(true, predicted, enrolled)
    return balanced_accuracy(answers[known] == names[known], names[known])


def baus(true: Sequence[str], predicted: Sequence[str], enrolled: Collection[str]) -> float:
    """Balanced accuracy on unknown samples: per hidden identity, the share answered ``NEW_IDENTITY``.

    Args:
        true: True (for a new animal: hidden) identity of each query, length ``n_query``.
        predicted: Identity given to each query, or ``NEW_IDENTITY``, length ``n_query``.
        enrolled: Identities present in the gallery.

    Returns:
        Mean per-identity accuracy in [0, 1], ``nan`` when no query is unknown.

    Raises:
        ValueError: ``true`` and ``predicted`` differ in length.

    Example:
        >>> baus(["ana", "zoe", "zoe"], ["ana", NEW_IDENTITY, "ana"], enrolled={"ana"})
        0.5
    """
    names, answers, known = _sides(true, predicted, enrolled)
    return balanced_accuracy(answers[~known] == NEW_IDENTITY, names[~known])


def geometric_mean(known_side: float, unknown_side: float) -> float:
    """Return ``sqrt(BAKS * BAUS)``; ``nan`` when either is.

    Example:
        >>> geometric_mean(0.25, 1.0)
        0.5
    """
    return math.sqrt(known_side * unknown_side)


def filled(side: float, empty_side: EmptySide) -> float:
    """Return a side's value with ``nan`` replaced as ``empty_side`` says.

    Raises:
        ValueError: ``empty_side`` is neither ``null`` nor ``zero``.
    """
    if empty_side not in ("null", "zero"):
        raise ValueError(f"empty_side is {empty_side!r}, not 'null' or 'zero'")
    return 0.0 if empty_side == "zero" and math.isnan(side) else side


def mean_of_defined(values: Sequence[float]) -> float:
    """Mean of the values that are not ``nan``; ``nan`` when none is left."""
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def _sides(
    true: Sequence[str], predicted: Sequence[str], enrolled: Collection[str]
) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.bool_]]:
    if len(true) != len(predicted):
        raise ValueError(f"{len(true)} true identities but {len(predicted)} predictions")
    names, answers = np.asarray(true, dtype=str), np.asarray(predicted, dtype=str)
    return names, answers, np.isin(names, np.asarray(sorted(enrolled), dtype=str))
