"""Calibration curves that plugins offer, and the names of reidbench's curves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

OWN_CURVES = frozenset({"isotonic", "logistic", "none"})
"""Names of the curves of reidbench."""

CurveFit = Callable[
    [NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]], Callable[[NDArray[np.float64]], ArrayLike]
]


@dataclass(frozen=True, slots=True)
class CalibrationSpec:
    """A calibration curve that a plugin offers.

    Attributes:
        name: Name for ``Calibration.kind`` and for settings such as ``calibration=`` of ``wildfusion``.
        summary: A description in one line.
        fit: Fits a curve to pairs of images. It receives similarities ``(n_pair,)``, whether each pair shows the same
            animal, and how many pairs each of them represents. Similarities are finite and not all equal, and both
            kinds of pairs occur. It returns a function from finite similarities, of any shape, to probabilities in
            [0, 1]. If this curve falls, it is not used, and images are only ranked.
        version: Change it whenever the same pairs give another curve.

    Raises:
        ValueError: The name has other characters than letters, digits, ``_`` and ``-``.

    Example:
        >>> def straight(similarity, same, weight):
        ...     low, high = similarity.min(), similarity.max()
        ...     return lambda values: np.clip((values - low) / (high - low), 0, 1)
        >>> CalibrationSpec("straight", "a straight line from the lowest to the highest", straight).name
        'straight'
    """

    name: str
    summary: str
    fit: CurveFit
    version: str = "1"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", self.name):
            raise ValueError(f"a calibration can't be called {self.name!r}: letters, digits, '_' and '-'")
