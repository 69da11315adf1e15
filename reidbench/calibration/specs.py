"""Calibration curves that plugins offer, and the curves that are reidbench's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

OWN_CURVES = frozenset({"isotonic", "logistic", "none"})

CurveFit = Callable[
    [NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]], Callable[[NDArray[np.float64]], ArrayLike]
]


@dataclass(frozen=True, slots=True)
class CalibrationSpec:
    """How a plugin offers a calibration curve.

    Attributes:
        name: What ``Calibration.kind`` and settings such as ``calibration=`` of ``wildfusion`` take.
        summary: One line that says what it is.
        fit: Fits a curve to pairs of images: similarities ``(n_pair,)``, finite and not all equal, whether each
            pair shows one animal, both kinds present, and how many pairs each stands for. Returns a function from
            finite similarities, of any shape, to probabilities in [0, 1]. What can't be calibrated (one kind of pair
            only, one similarity) does not reach it, and where its curve falls, pairs are only ranked.
        version: Raise it whenever the same pairs would give another curve.

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
