"""Describe the difference of two representations, arrays or blocks of scores; ``None`` if they are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.methods.representation import Ragged, Representation

TOLERANCE = 1e-5
"""Allowed difference, as a share of the largest absolute value, or of 1 if that is larger.

A network changes its results by about this much if the size of a batch or block changes.
"""


def of_scores(actual: NDArray[Any], expected: NDArray[Any], tolerance: float = TOLERANCE) -> str | None:
    """Return how scores differ, or ``None``.

    Example:
        >>> of_scores(np.array([0.5]), np.array([0.25]))
        'scores differ by up to 0.25: 0.5 instead of 0.25'
    """
    if actual.shape != expected.shape:
        return f"scores have shape {actual.shape}, not {expected.shape}"
    return _of_values("scores", actual, expected, tolerance)


def of_representations(actual: Representation, expected: Representation, *, exact: bool = False) -> str | None:
    """Return which array differs and by how much, or ``None``; with ``exact``, every bit counts."""
    names = (sorted([*actual.dense, *actual.ragged]), sorted([*expected.dense, *expected.ragged]))
    if names[0] != names[1]:
        return f"the arrays are {', '.join(names[0])}, not {', '.join(names[1])}"
    if len(actual) != len(expected):
        return f"there are {len(actual)} images, not {len(expected)}"
    for name, array in actual.dense.items():
        difference = of_arrays(f"'{name}'", array, expected.dense[name], exact=exact)
        if difference:
            return difference
    for name, rows in actual.ragged.items():
        difference = _of_rows(name, rows, expected.ragged[name], exact)
        if difference:
            return difference
    return None


def of_arrays(name: str, actual: NDArray[Any], expected: NDArray[Any], *, exact: bool = False) -> str | None:
    """Return how an array differs from the expected one, or ``None``; with ``exact``, every bit counts."""
    if actual.dtype != expected.dtype or actual.shape != expected.shape:
        return f"{name} is {actual.dtype} {actual.shape}, not {expected.dtype} {expected.shape}"
    if not np.issubdtype(actual.dtype, np.floating):
        return None if np.array_equal(actual, expected) else f"{name} has other values"
    if exact:
        same = np.array_equal(actual, expected, equal_nan=True)
        return None if same else _of_values(name, actual, expected, 0.0)
    return _of_values(name, actual, expected, TOLERANCE)


def _of_rows(name: str, actual: Ragged, expected: Ragged, exact: bool) -> str | None:
    if actual.counts.tolist() != expected.counts.tolist():
        image = int(np.flatnonzero(actual.counts != expected.counts)[0])
        counts = actual.counts[image], expected.counts[image]
        return f"'{name}' has {counts[0]} rows for image {image}, not {counts[1]}"
    for image in range(len(actual)):
        difference = of_arrays(f"'{name}' of image {image}", actual[image], expected[image], exact=exact)
        if difference:
            return difference
    return None


def _of_values(name: str, actual: NDArray[Any], expected: NDArray[Any], tolerance: float) -> str | None:
    left, right = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    finite = right[np.isfinite(right)]
    allowed = tolerance * max(1.0, float(np.abs(finite).max(initial=0.0)))
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        difference = np.where((left == right) | (np.isnan(left) & np.isnan(right)), 0.0, np.abs(left - right))
    difference = np.where(np.isnan(difference), np.inf, difference)
    if not difference.size or float(difference.max()) <= allowed:
        return None
    largest = np.unravel_index(int(difference.argmax()), difference.shape)
    verb = "differ" if name == "scores" else "differs"
    return f"{name} {verb} by up to {difference[largest]:.2g}: {left[largest]:.6g} instead of {right[largest]:.6g}"
