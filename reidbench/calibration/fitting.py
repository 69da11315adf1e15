"""Fit one curve to pairs of images, and name what can't be fitted.

What can't be calibrated still has to be ranked: such pairs get a curve that rises with the similarity and
claims nothing else, and a note says why.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.calibration.curves import Curve, Isotonic, Logistic, OfferedCurve, Plain, PublishedIsotonic
from reidbench.calibration.specs import CurveFit
from reidbench.errors import ReidbenchError

FEW_POSITIVES = 10
"""Below this many pairs of one animal an isotonic curve is a staircase of accidents; two numbers are fitted instead."""


FALLS = "similarity falls where it should rise: not calibrated, only ranked"
DRAWN_AT = 64
"""Quantiles of the similarities at which the record keeps a plugin's curve."""


def fit_curve(
    kind: str,
    similarity: ArrayLike,
    same: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    compat: bool = False,
    fit: CurveFit | None = None,
) -> tuple[Curve, tuple[str, ...]]:
    """Fit a curve to labelled pairs.

    Args:
        kind: Shape of the curve, or the name of a plugin's.
        similarity: The method's number for each pair, ``(n_pair,)``; ``-inf`` (not compared) is left out.
        same: Whether a pair shows one animal, ``(n_pair,)``.
        weight: How many pairs each stands for, ``(n_pair,)``; by default 1.
        compat: The published isotonic curve, ties and all.
        fit: What fits a plugin's curve; ``None`` for one of ours.

    Returns:
        The curve, and what a reader should know of it: constant similarities, one class only, few pairs of
        one animal, similarities that fall where they should rise.

    Raises:
        ValueError: A similarity is ``nan``, or lengths differ.
        ReidbenchError: A plugin's curve can't be fitted, or is none.

    Example:
        >>> curve, notes = fit_curve("isotonic", [0.1, 0.2, 0.8, 0.9] * 10, [False, False, True, True] * 10)
        >>> curve([0.1, 0.9]).round(2).tolist(), notes
        ([0.01, 0.99], ())
    """
    values = np.asarray(similarity, dtype=np.float64)
    labels = np.asarray(same, dtype=bool)
    weights = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not values.shape == labels.shape == weights.shape or values.ndim != 1:
        raise ValueError(
            f"similarity, same and weight have shapes {values.shape}, {labels.shape} and {weights.shape}, "
            "not one (n_pair,)"
        )
    if np.isnan(values).any():
        raise ValueError("similarities contain nan; use -inf for a pair that was not compared")
    if kind == "none":
        return Plain(), ()
    compared = np.isfinite(values)
    values, labels, weights = values[compared], labels[compared], weights[compared]
    spread = float(values.std()) if len(values) else 0.0
    if not spread > 0:
        return _rank_only(values), ("constant similarities: not calibrated, only ranked",)
    n_same = int(labels.sum())
    if n_same in (0, len(labels)):
        missing = "one animal" if n_same == 0 else "two animals"
        return _rank_only(values), (f"one class only: no pair shows {missing}; not calibrated, only ranked",)
    if fit is not None:
        curve = _offered(kind, fit, values, labels, weights)
        return (_rank_only(values), (FALLS,)) if curve.falls else (curve, ())
    if compat:
        knots, steps = _isotonic_steps(values, labels, weights)
        return PublishedIsotonic(knots, steps), ()
    notes: tuple[str, ...] = ()
    if kind == "isotonic" and n_same < FEW_POSITIVES:
        kind, notes = "logistic", (f"few pairs: {n_same} show one animal, fewer than {FEW_POSITIVES}; logistic curve",)
    if kind == "logistic":
        return _logistic(values, labels, weights, notes)
    knots, steps = _isotonic_steps(values, labels, weights)
    # A certain step would be claimed from a finite number of pairs: half a pair is always in doubt.
    doubt = 0.5 / (len(values) + 1)
    return Isotonic(knots, np.clip(steps, doubt, 1 - doubt), float(values.mean()), spread), notes


def _offered(
    kind: str, fit: CurveFit, values: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64]
) -> OfferedCurve:
    try:
        read = fit(values.copy(), labels.copy(), weights.copy())
    except Exception as error:  # a stranger's code
        raise ReidbenchError(
            f"the score calibration '{kind}' can't be fitted: {type(error).__name__}: {error}",
            where=f"calibration {kind}",
            remedy="take another, such as isotonic, or mend the plugin that offers it",
        ) from error
    return OfferedCurve(kind, read, np.unique(np.quantile(values, np.linspace(0, 1, DRAWN_AT))))


def _isotonic_steps(
    values: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(values, labels.astype(np.float64), weights)
    return np.asarray(fitted.X_thresholds_, dtype=np.float64), np.asarray(fitted.y_thresholds_, dtype=np.float64)


def _logistic(
    values: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64], notes: tuple[str, ...]
) -> tuple[Curve, tuple[str, ...]]:
    from sklearn.linear_model import LogisticRegression

    centre, spread = values.mean(), values.std()
    scaled = ((values - centre) / spread)[:, None]
    # The default penalty keeps the slope finite where the classes do not overlap.
    fitted = LogisticRegression().fit(scaled, labels, sample_weight=weights)
    slope = float(fitted.coef_[0, 0]) / spread
    if not slope > 0:
        return _rank_only(values), (*notes, FALLS)
    return Logistic(slope, float(fitted.intercept_[0]) - slope * float(centre)), notes


def _rank_only(values: NDArray[np.float64]) -> Curve:
    """Return a curve that keeps the order and claims nothing: 1/2 at the mean, one logit for each deviation."""
    centre = float(values.mean()) if len(values) else 0.0
    spread = float(values.std()) if len(values) else 0.0
    slope = 1.0 / spread if spread > 0 else 1.0 / max(abs(centre), 1.0)
    return Logistic(slope, -slope * centre)
