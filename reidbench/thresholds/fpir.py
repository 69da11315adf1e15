"""``fpir=RATE``: the lowest threshold that accepts at most RATE of the unknown calibration queries.

FPIR is the false positive identification rate, here 1 - BAUS: the share of accepted queries, averaged within each
unknown identity first. The rate holds on the calibration queries; for test there is no bound. ``conformal`` has a
bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from reidbench.metrics.answers import Answers
from reidbench.metrics.sweep import threshold_sweep
from reidbench.thresholds.scoped import Choice, RatePolicy, Side

ROUNDING = 1e-12  # larger than the rounding error of a cumulative sum of rates


@dataclass(frozen=True)
class Fpir(RatePolicy):
    """Policy that accepts at most a given share of the unknown calibration queries, averaged by identity."""

    name: ClassVar[str] = "fpir"
    sides: ClassVar[tuple[Side, ...]] = ("unknown",)
    bounds_new_animals: ClassVar[bool] = True

    @override
    def choose_one(self, answers: Answers) -> Choice:
        unknown = answers.take(~answers.known)
        none = np.zeros(len(unknown), dtype=bool)
        sweep = threshold_sweep(unknown.best_score, none, none, unknown.identity_code)
        last = int(np.flatnonzero(1 - sweep.baus <= self.rate + ROUNDING)[-1])
        if not len(sweep.scores):
            return Choice(float(answers.best_score[answers.best_score > -np.inf].min()))
        if last == 0:
            return Choice(float(np.nextafter(sweep.scores[0], np.inf)))
        if last == len(sweep.scores):
            return Choice(float(sweep.scores[-1]))
        return Choice(float(sweep.thresholds[last]))
