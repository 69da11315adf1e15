"""Reliability of probabilities in bins of equal mass, and the expected calibration error (ECE).

Equal probabilities are always in the same bin, so the result depends neither on the order of the predictions nor on
ties. An isotonic map has few distinct values; bins that would be empty are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Predicted probabilities and observed outcomes by bin, in rising order of the prediction.

    Attributes:
        predicted: Mean predicted probability of each bin, ``(n_bin,)``.
        observed: Share of positive outcomes in each bin, ``(n_bin,)``.
        count: Number of predictions in each bin, ``(n_bin,)``.
        mass: Share of the total weight in each bin, ``(n_bin,)``; the sum is 1.

    Raises:
        ValueError: Shapes differ.
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
        """Expected calibration error: mean difference of prediction and outcome by mass; ``nan`` without bins."""
        return float((self.mass * np.abs(self.predicted - self.observed)).sum()) if len(self.mass) else np.nan

    def to_json(self) -> dict[str, Any]:
        """Return bins as plain lists with six digits, and ``ece``, ``None`` if it is undefined."""
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
    """Sort predictions into bins of equal mass, and compare each bin's mean with its outcomes.

    All predictions of one value are in the bin that holds the middle of their mass.

    Args:
        probability: Predicted probabilities, in [0, 1], ``(n,)``.
        outcome: Whether each outcome is positive, ``(n,)``.
        weight: Weights, finite and at least 0, ``(n,)``; by default all equal. A prediction with weight 0 is not
            counted.
        bins: Largest number of bins.

    Returns:
        The bins that are not empty. Without predictions there is no bin, and ``ece`` is ``nan``.

    Raises:
        ValueError: Shapes differ, a probability is ``nan`` or outside [0, 1], a weight is negative or not finite, or
            ``bins`` is below 1.

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
    _, bin_of = np.unique(bin_of_value[place], return_inverse=True)  # numbers the bins that are not empty
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
