"""First result of a run: the features of each part of the split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reidbench.matching.episode import Features
from reidbench.methods.contract import FitReport


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """Features of the gallery and of the queries, and how the method was fitted.

    Attributes:
        features: Features of ``gallery``, ``calibration`` and ``test``.
        fit_report: What fitting reported, for all parts of the method together.
        seconds: ``fit_s`` and ``represent_s``: how long fitting and extraction took when they were done. Reading from
            the cache does not change them.
        is_new: Whether any features were extracted now, not read from the cache.
    """

    features: Mapping[str, Features]
    fit_report: FitReport
    seconds: Mapping[str, float]
    is_new: bool
