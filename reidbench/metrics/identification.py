"""DIR@FPIR: the share of known animals identified at a given rate of accepted unknown animals.

Both rates are averaged within each identity first. The detection and identification rate (DIR) is then BAKS, and the
false positive identification rate (FPIR) is 1 − BAUS, at one threshold for all groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from reidbench.metrics.sweep import ThresholdSweep

SAME_RATE = 1e-12  # the sum of the same rates in another order differs by less
FPIR_RATES = (0.01, 0.05, 0.1)


@dataclass(frozen=True, slots=True)
class IdentificationRate:
    """DIR at the lowest threshold whose FPIR is at most ``fpir``.

    Attributes:
        fpir: The required rate, in (0, 1).
        value: DIR in [0, 1]; ``nan`` if it is undefined.
        threshold: The threshold with this DIR; ``nan`` if it is undefined.
        reason: Why DIR is undefined; empty if it is defined.

    Raises:
        ValueError: DIR is ``nan`` without a reason, or has a reason and is not ``nan``.
    """

    fpir: float
    value: float
    threshold: float
    reason: str = ""

    def __post_init__(self) -> None:
        if math.isnan(self.value) != bool(self.reason):
            raise ValueError(f"DIR is {self.value} but " + ("has a reason" if self.reason else "has no reason"))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, ``None`` for an undefined one; an infinite threshold is a text."""
        undefined = bool(self.reason)
        finite = math.isfinite(self.threshold)
        return {
            "fpir": self.fpir,
            "value": None if undefined else self.value,
            "threshold": None if undefined else self.threshold if finite else str(self.threshold),
            "reason": self.reason,
        }


def dir_at_fpir(sweep: ThresholdSweep, fpir: float, n_unknown_identities: int) -> IdentificationRate:
    """Return DIR at the lowest threshold of a sweep whose FPIR is at most ``fpir``.

    With ``n`` unknown identities the smallest step of FPIR is ``1 / n``. At a rate below ``1 / n``, DIR is undefined.

    Args:
        sweep: BAKS and BAUS at every threshold.
        fpir: Highest false positive identification rate, in (0, 1).
        n_unknown_identities: Number of identities among the unknown queries of the sweep.

    Raises:
        ValueError: ``fpir`` is outside (0, 1).

    Source: Grother and Ngan, NIST FRVT part 2 (identification); here the rates are averaged by identity.

    Example:
        >>> from reidbench.metrics.sweep import threshold_sweep
        >>> sweep = threshold_sweep([0.9, 0.7, 0.5, 0.3], [True, False, True, False], [True, False, True, False],
        ...                         [0, 1, 2, 3])
        >>> dir_at_fpir(sweep, 0.5, 2).value, dir_at_fpir(sweep, 0.1, 2).reason
        (1.0, '10 % needs 10 unknown identities, there are 2')
    """
    if not 0 < fpir < 1:
        raise ValueError(f"fpir is {fpir}, not in (0, 1)")
    needed = math.ceil(1 / fpir - SAME_RATE)
    reason = ""
    if not n_unknown_identities:
        reason = "no unknown queries"
    elif np.isnan(sweep.baks).any():
        reason = "no known queries"
    elif n_unknown_identities < needed:
        reason = f"{100 * fpir:g} % needs {needed} unknown identities, there are {n_unknown_identities}"
    if reason:
        return IdentificationRate(fpir, math.nan, math.nan, reason)
    allowed = np.flatnonzero(1 - sweep.baus <= fpir + SAME_RATE)
    place = int(allowed[-1])  # BAUS falls along the sweep, whose first threshold accepts no query
    return IdentificationRate(fpir, float(sweep.baks[place]), float(sweep.thresholds[place]))
