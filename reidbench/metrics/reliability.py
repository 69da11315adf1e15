"""Do probabilities mean what they say: reliability in bins of equal mass, and the expected calibration error.

Equal values always share a bin, so the answer depends neither on the order of the pairs nor on how ties fall;
an isotonic map has few distinct values, and bins that would be empty are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """What was predicted and what came out, bin by bin, in rising order of prediction.

    Attributes:
        predicted: Mean predicted probability of each bin, ``(n_bin,)``.
        observed: Share of positive outcomes in each bin, ``(n_bin,)``.
        count: Number of predictions in each bin, ``(n_bin,)``.
        mass: Share of the total weight that lies in each bin, ``(n_bin,)``; sums to 1.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    count: NDArray[np.int64]
    mass: NDArray[np.float64]

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in ("predicted", "observed", "count", "mass")}
        if len(set(shapes.values())) != 1 or self.predicted.ndim != 1:
            raise ValueError(f"bins have shapes {shapes}, not one (n_bin,)")

    @property
    def ece(self) -> float:
        """Expected calibration error: mean distance of prediction and outcome over bins, by mass; ``nan`` if empty."""
        return float((self.mass * np.abs(self.predicted - self.observed)).sum()) if len(self.mass) else np.nan

    def to_json(self) -> dict[str, Any]:
        """Return bins as plain lists, six digits each, and ``ece``, which is ``None`` where undefined."""
        return {
            "ece": round(self.ece, 6) if len(self.mass) else None,
            "predicted": np.round(self.predicted, 6).tolist(),
            "observed": np.round(self.observed, 6).tolist(),
            "count": self.count.tolist(),
            "mass": np.round(self.mass, 6).tolist(),
        }


def reliability(
    probability: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None, bins: int = 15
) -> Reliability:
    """Sort predictions into bins of equal mass and compare each bin's mean with what came out.

    A distinct value goes as a whole to the bin that holds the middle of its mass.

    Args:
        probability: Predicted probability of each pair, in [0, 1], ``(n,)``.
        outcome: Whether it came true, ``(n,)``.
        weight: What each pair counts, finite and not below 0, ``(n,)``; all the same if not given. A pair of
            weight 0 counts for nothing, neither in the bins nor in ``count``.
        bins: Number of bins at most.

    Returns:
        Bins that hold something; none for no predictions, whose ``ece`` is ``nan``.

    Raises:
        ValueError: Shapes differ, a probability is outside [0, 1] or ``nan``, a weight is negative or not finite,
            or there is no bin.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015 (ECE); bins of equal mass as in Nguyen and O'Connor, EMNLP 2015.

    Example:
        >>> curve = reliability([0.2, 0.2, 0.9, 0.9], [False, True, True, True], bins=2)
        >>> curve.observed.tolist(), round(curve.ece, 12)
        ([0.5, 1.0], 0.2)
    """
    value, came_true, mass = _checked(probability, outcome, weight)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    value, came_true, mass = (array[mass > 0] for array in (value, came_true, mass))
    if not len(value):
        nothing = np.empty(0)
        return Reliability(nothing, nothing, np.empty(0, dtype=np.int64), nothing)
    total = mass.sum()
    _, place = np.unique(value, return_inverse=True)
    of_value = np.bincount(place, weights=mass)
    middle = np.cumsum(of_value) - of_value / 2
    bin_of_value = np.minimum((middle * (bins / total)).astype(np.int64), bins - 1)
    _, bin_of = np.unique(bin_of_value[place], return_inverse=True)  # numbers only the bins that hold something
    in_bin = np.bincount(bin_of, weights=mass)
    return Reliability(
        predicted=np.bincount(bin_of, weights=mass * value) / in_bin,
        observed=np.bincount(bin_of, weights=mass * came_true) / in_bin,
        count=np.bincount(bin_of),
        mass=in_bin / total,
    )


def _checked(
    probability: ArrayLike, outcome: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    value, came_true = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=bool)
    mass = np.ones(value.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    if value.ndim != 1 or value.shape != came_true.shape or value.shape != mass.shape:
        shapes = f"{value.shape}, {came_true.shape} and {mass.shape}"
        raise ValueError(f"probability, outcome and weight have shapes {shapes}, not one (n,)")
    if not ((value >= 0) & (value <= 1)).all():  # nan fails too
        raise ValueError("probabilities must lie in [0, 1]")
    if not (np.isfinite(mass) & (mass >= 0)).all():
        raise ValueError("weights must be finite and not below 0")
    return value, came_true.astype(np.float64), mass
