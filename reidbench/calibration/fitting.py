"""Fit one curve to labelled pairs of images.

If pairs can't be calibrated, images must still be ranked. A curve that rises with the similarity is then used, and a
note gives the reason.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.calibration.curves import Curve, Isotonic, Logistic, OfferedCurve, Plain, PublishedIsotonic
from reidbench.calibration.specs import CurveFit
from reidbench.errors import ReidbenchError

FEW_POSITIVES = 10
"""With fewer pairs of the same animal, the steps of an isotonic curve are noise; a logistic curve is fitted instead."""
FALLS = "the curve falls with the similarity: not calibrated, only ranked"
"""Note for a curve that falls."""
N_SAMPLE = 64
"""Number of quantiles of the similarities at which the run record stores a plugin's curve."""


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
        kind: Kind of curve: ``isotonic``, ``logistic``, ``none``, or the name of a plugin's curve.
        similarity: Similarity of each pair, ``(n_pair,)``; ``-inf`` (not compared) is left out.
        same: Whether each pair shows the same animal, ``(n_pair,)``.
        weight: Number of pairs that each pair represents, ``(n_pair,)``; 1 by default.
        compat: Use WildFusion's isotonic curve, which gives some different similarities the same score.
        fit: The plugin's function that fits the curve; ``None`` for a curve of reidbench.

    Returns:
        The curve, and notes about problems: constant similarities, only one kind of pair, few pairs of the same
        animal, or a curve that falls.

    Raises:
        ValueError: A similarity is ``nan``, or lengths differ.
        ReidbenchError: The plugin's curve can't be fitted, or its results are not probabilities.

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
            "similarity, same and weight must have one shape (n_pair,), but have shapes "
            f"{values.shape}, {labels.shape} and {weights.shape}"
        )
    if np.isnan(values).any():
        raise ValueError("similarities contain nan; use -inf for a pair that was not compared")
    if kind == "none":
        return Plain(), ()
    compared = np.isfinite(values)
    values, labels, weights = values[compared], labels[compared], weights[compared]
    spread = float(values.std()) if len(values) else 0.0
    if not spread > 0:
        return _rank_only(values), ("all similarities are equal: not calibrated, only ranked",)
    n_same = int(labels.sum())
    if n_same in (0, len(labels)):
        missing = "the same animal" if n_same == 0 else "two animals"
        return _rank_only(values), (f"no pair shows {missing}: not calibrated, only ranked",)
    if fit is not None:
        curve = _offered(kind, fit, values, labels, weights)
        return (_rank_only(values), (FALLS,)) if curve.falls else (curve, ())
    if compat:
        knots, steps = _isotonic_steps(values, labels, weights)
        return PublishedIsotonic(knots, steps), ()
    notes: tuple[str, ...] = ()
    if kind == "isotonic" and n_same < FEW_POSITIVES:
        kind = "logistic"
        notes = (f"only {n_same} pairs show the same animal, fewer than {FEW_POSITIVES}: logistic curve",)
    if kind == "logistic":
        return _logistic(values, labels, weights, notes)
    knots, steps = _isotonic_steps(values, labels, weights)
    # A finite number of pairs can't prove P = 0 or P = 1, so half a pair is left uncertain.
    smallest = 0.5 / (len(values) + 1)
    return Isotonic(knots, np.clip(steps, smallest, 1 - smallest), float(values.mean()), spread), notes


def _offered(
    kind: str, fit: CurveFit, values: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64]
) -> OfferedCurve:
    try:
        read = fit(values.copy(), labels.copy(), weights.copy())
    except Exception as error:  # code of a plugin may raise anything
        raise ReidbenchError(
            f"the score calibration '{kind}' can't be fitted: {type(error).__name__}: {error}",
            where=f"calibration {kind}",
            remedy="choose another calibration, such as isotonic, or fix the plugin that offers this one",
        ) from error
    return OfferedCurve(kind, read, np.unique(np.quantile(values, np.linspace(0, 1, N_SAMPLE))))


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
    # The default penalty keeps the slope finite if the two kinds of pairs do not overlap.
    fitted = LogisticRegression().fit(scaled, labels, sample_weight=weights)
    slope = float(fitted.coef_[0, 0]) / spread
    if not slope > 0:
        return _rank_only(values), (*notes, FALLS)
    return Logistic(slope, float(fitted.intercept_[0]) - slope * float(centre)), notes


def _rank_only(values: NDArray[np.float64]) -> Curve:
    """Return a curve that only ranks: P = 1/2 at the mean similarity, and one logit per standard deviation."""
    centre = float(values.mean()) if len(values) else 0.0
    spread = float(values.std()) if len(values) else 0.0
    slope = 1.0 / spread if spread > 0 else 1.0 / max(abs(centre), 1.0)
    return Logistic(slope, -slope * centre)
