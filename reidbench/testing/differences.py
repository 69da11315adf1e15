"""How two representations, or two blocks of scores, differ; ``None`` when they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.methods.representation import Ragged, Representation

TOLERANCE = 1e-5
"""What batches and blocks may change in a score, as a share of the largest one, or of 1 where that is more."""


def of_scores(found: NDArray[Any], expected: NDArray[Any], tolerance: float = TOLERANCE) -> str | None:
    """Say by how much scores differ.

    Example:
        >>> of_scores(np.array([0.5]), np.array([0.25]))
        'scores differ by up to 0.25, as in 0.5 against 0.25'
    """
    if found.shape != expected.shape:
        return f"scores have shape {found.shape}, not {expected.shape}"
    return _values("scores", found, expected, tolerance)


def of_representations(found: Representation, expected: Representation, *, exact: bool = False) -> str | None:
    """Say which array differs and by how much, to the bit or within the tolerance."""
    names = (sorted([*found.dense, *found.ragged]), sorted([*expected.dense, *expected.ragged]))
    if names[0] != names[1]:
        return f"it holds the arrays {', '.join(names[0])}, not {', '.join(names[1])}"
    if len(found) != len(expected):
        return f"it holds {len(found)} images, not {len(expected)}"
    for name, array in found.dense.items():
        difference = of_arrays(f"'{name}'", array, expected.dense[name], exact=exact)
        if difference:
            return difference
    for name, rows in found.ragged.items():
        difference = _rows(name, rows, expected.ragged[name], exact)
        if difference:
            return difference
    return None


def of_arrays(name: str, found: NDArray[Any], expected: NDArray[Any], *, exact: bool = False) -> str | None:
    """Say how one array differs from another."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"{name} is {found.dtype} {found.shape}, not {expected.dtype} {expected.shape}"
    if not np.issubdtype(found.dtype, np.floating):
        return None if np.array_equal(found, expected) else f"{name} holds other values"
    if exact:
        same = np.array_equal(found, expected, equal_nan=True)
        return None if same else _values(name, found, expected, 0.0)
    return _values(name, found, expected, TOLERANCE)


def _rows(name: str, found: Ragged, expected: Ragged, exact: bool) -> str | None:
    if found.counts.tolist() != expected.counts.tolist():
        image = int(np.flatnonzero(found.counts != expected.counts)[0])
        counts = found.counts[image], expected.counts[image]
        return f"'{name}' has {counts[0]} rows for image {image}, not {counts[1]}"
    for image in range(len(found)):
        difference = of_arrays(f"'{name}' of image {image}", found[image], expected[image], exact=exact)
        if difference:
            return difference
    return None


def _values(name: str, found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> str | None:
    left, right = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    finite = right[np.isfinite(right)]
    allowed = tolerance * max(1.0, float(np.abs(finite).max(initial=0.0)))
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        apart = np.where((left == right) | (np.isnan(left) & np.isnan(right)), 0.0, np.abs(left - right))
    apart = np.where(np.isnan(apart), np.inf, apart)
    if not apart.size or float(apart.max()) <= allowed:
        return None
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    verb = "differ" if name == "scores" else "differs"
    return f"{name} {verb} by up to {apart[place]:.2g}, as in {left[place]:.6g} against {right[place]:.6g}"
