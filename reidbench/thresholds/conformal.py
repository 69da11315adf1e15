"""``conformal=RATE``: a threshold with a bound that holds in a finite sample, whatever the scores look like.

Its unit is the identity: each unknown calibration animal counts once, by its highest best score. A new animal
drawn as those were has *any* of its photographs accepted with a probability of at most RATE; so 1 - BAUS is at
most RATE in expectation. With n animals a finite threshold exists down to the rate 1 / (n + 1): 9 animals
for 10 %, 19 for 5 %, 99 for 1 %. Below that the policy refuses and names the smallest rate that can be had.

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

ROUNDING = 1e-9  # 0.1 * 10 must count as 1


@dataclass(frozen=True)
class Conformal(RatePolicy):
    """Bound the probability that a new animal is taken for a known one."""

    name: ClassVar[str] = "conformal"
    sides: ClassVar[tuple[Side, ...]] = ("unknown",)
    scopes: ClassVar[tuple[Scope, ...]] = ("pooled", "group")  # a threshold drawn to another has no bound

    @override
    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Choose the threshold, or refuse what so few animals can't bear.

        Raises:
            ReidbenchError: There are fewer than ``1 / rate - 1`` unknown identities, here or in a group that has any.
        """
        parts = {"the calibration episode": answers}
        if self.scope == "group":
            parts = {f"group '{name}'": answers.take(answers.group == name) for name in np.unique(answers.group)}
        for where, part in parts.items():
            count = n_identities(part, "unknown")
            if count and _place(count, self.rate) > count:
                least = 1 / (count + 1)
                raise ReidbenchError(
                    f"{where} has {count} unknown identities; a bound of {self.rate:g} needs "
                    f"{math.ceil(1 / self.rate - 1 - ROUNDING)}",
                    where=f"--threshold {self.text}",
                    remedy=f"the smallest rate that can be had is {_rounded_up(least)}: "
                    f"--threshold {type(self)(self.scope, _rounded_up(least)).text}",
                )
        return super().choose(answers, gallery)

    @override
    def choose_one(self, answers: Answers) -> Choice:
        unknown = answers.take(~answers.known)
        _, code = np.unique(unknown.identity_code, return_inverse=True)
        highest = np.full(code.max() + 1, -np.inf)
        np.maximum.at(highest, code, unknown.best_score)
        at = float(np.sort(highest)[_place(len(highest), self.rate) - 1])
        if at == -math.inf:
            return Choice(float(answers.best_score[answers.best_score > -np.inf].min()))
        return Choice(float(np.nextafter(at, np.inf)))  # ties accept, and this very score must not be


def _place(count: int, rate: float) -> int:
    """Return which of ``count`` rising scores the threshold stands above, 1 the lowest."""
    return math.ceil((1 - rate) * (count + 1) - ROUNDING)


def _rounded_up(rate: float) -> float:
    """Round a rate up to four digits, so that what is proposed can be had."""
    return math.ceil(rate * 10_000 - ROUNDING) / 10_000
