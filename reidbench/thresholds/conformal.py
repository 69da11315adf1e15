"""``conformal=RATE``: a threshold with a bound that holds for few animals and any distribution of scores.

Each unknown calibration animal counts once, by its highest best score. Let a new animal be drawn as these animals were.
The probability that *any* of its photographs is accepted is then at most RATE, so 1 - BAUS is at most RATE in
expectation. The price: with n animals the smallest possible rate is 1 / (n + 1), that is 9 animals for 10 %, 19 for 5 %
and 99 for 1 %. With fewer animals the policy stops with an error that names the smallest possible rate.

Source: split conformal prediction (Vovk, Gammerman and Shafer 2005), with animals as the exchangeable units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Thresholds
from reidbench.thresholds.scoped import Choice, RatePolicy, Scope, Side, n_identities

ROUNDING = 1e-9  # larger than rounding errors, so that 0.1 * 10 counts as 1


@dataclass(frozen=True)
class Conformal(RatePolicy):
    """Policy that bounds the probability that a new animal is accepted as a known one."""

    name: ClassVar[str] = "conformal"
    sides: ClassVar[tuple[Side, ...]] = ("unknown",)
    bounds_new_animals: ClassVar[bool] = True
    scopes: ClassVar[tuple[Scope, ...]] = ("pooled", "group")  # a shrunk threshold would have no bound

    @override
    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Choose the threshold.

        Raises:
            ReidbenchError: There are fewer than ``1 / rate - 1`` unknown identities, in all groups together or, in the
                scope ``group``, in a group that has any.
        """
        parts = {"the calibration part": answers}
        if self.scope == "group":
            parts = {f"group '{name}'": answers.take(answers.group == name) for name in np.unique(answers.group)}
        for where, part in parts.items():
            count = n_identities(part, "unknown")
            if count and _rank(count, self.rate) > count:
                least = 1 / (count + 1)
                raise ReidbenchError(
                    f"{where} has {count} unknown identities; a rate of {self.rate:g} needs "
                    f"{math.ceil(1 / self.rate - 1 - ROUNDING)}",
                    where=f"--threshold {self.text}",
                    remedy=f"the smallest possible rate is {_rounded_up(least)}: "
                    f"--threshold {type(self)(self.scope, _rounded_up(least)).text}",
                )
        return super().choose(answers, gallery)

    @override
    def choose_one(self, answers: Answers) -> Choice:
        unknown = answers.take(~answers.known)
        _, code = np.unique(unknown.identity_code, return_inverse=True)
        highest = np.full(code.max() + 1, -np.inf)
        np.maximum.at(highest, code, unknown.best_score)
        rejected = float(np.sort(highest)[_rank(len(highest), self.rate) - 1])
        if rejected == -math.inf:
            return Choice(float(answers.best_score[answers.best_score > -np.inf].min()))
        # A score equal to the threshold is accepted, and this one must be rejected.
        return Choice(float(np.nextafter(rejected, np.inf)))


def _rank(count: int, rate: float) -> int:
    """Return the rank, from 1 for the lowest of ``count`` scores, of the highest score that must be rejected."""
    return math.ceil((1 - rate) * (count + 1) - ROUNDING)


def _rounded_up(rate: float) -> float:
    """Round a rate up to four digits, so that the proposed rate is possible."""
    return math.ceil(rate * 10_000 - ROUNDING) / 10_000
