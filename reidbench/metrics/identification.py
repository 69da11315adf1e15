"""DIR@FPIR: how many known animals are found when only so many unknown ones are let in.

Both rates are averaged within each identity first, so the detection and identification rate (DIR) is BAKS and the
false positive identification rate (FPIR) is 1 − BAUS, read along one sweep of thresholds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from reidbench.metrics.sweep import ThresholdSweep

SAME_RATE = 1e-12  # sums of one rate in two orders differ by less
FPIR_RATES = (0.01, 0.05, 0.1)


@dataclass(frozen=True, slots=True)
class IdentificationRate:
    """DIR at the lowest threshold whose FPIR is at most ``fpir``.

    Attributes:
        fpir: The rate that was asked for, in (0, 1).
        value: DIR in [0, 1]; ``nan`` where undefined.
        threshold: The threshold that gives it; ``nan`` where undefined.
        reason: Why it is undefined; empty where it is not.
    """

    fpir: float
    value: float
    threshold: float
    reason: str = ""

    def __post_init__(self) -> None:
        if math.isnan(self.value) != bool(self.reason):
            raise ValueError(f"DIR is {self.value} but " + ("has a reason" if self.reason else "has no reason"))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ``None`` where undefined; an infinite threshold is text."""
        undefined = bool(self.reason)
        finite = math.isfinite(self.threshold)
        return {
            "fpir": self.fpir,
            "value": None if undefined else self.value,
            "threshold": None if undefined else self.threshold if finite else str(self.threshold),
            "reason": self.reason,
        }


def dir_at_fpir(sweep: ThresholdSweep, fpir: float, n_unknown_identities: int) -> IdentificationRate:
    """Read DIR off a sweep.

    One unknown identity in ``n`` is the smallest step that FPIR can take, so a rate below ``1 / n`` can't be told
    from 0 and is undefined.

    Args:
        sweep: BAKS and BAUS at every threshold.
        fpir: Highest false positive identification rate, in (0, 1).
        n_unknown_identities: Identities among the unknown queries of the sweep.

    Raises:
        ValueError: ``fpir`` is outside (0, 1).

    Source: Grother and Ngan, NIST FRVT part 2 (identification), with rates averaged by identity.

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
    place = int(allowed[-1])  # BAUS falls along the sweep, and its first place accepts none
    return IdentificationRate(fpir, float(sweep.baks[place]), float(sweep.thresholds[place]))
