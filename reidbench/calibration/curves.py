"""Curves that map a similarity to the probability that two images show the same animal.

The best image is chosen after calibration, so a curve must not give two similarities the same score. The default
isotonic curve therefore rises everywhere, also on flat steps and outside the range it was fitted on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import expit, logit
from typing_extensions import override

from reidbench.errors import ReidbenchError

# Rise of a flat step, in logits per standard deviation of similarity. It is small compared with the steps (about 1)
# and large compared with rounding: a difference of 1e-7 standard deviations changes the score down to P = 1e-6.
RISE = 1e-3
# Beyond this value logits grow slowly. At 37, P would round to 1, and the best matches would have equal scores.
CERTAIN = 12.0


class Curve(ABC):
    """A function from similarity to score that never falls."""

    @abstractmethod
    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        """Return the score of each similarity; ``-inf`` (not compared) stays ``-inf``."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return kind and numbers of the curve for the run record."""


@dataclass(frozen=True, slots=True)
class Plain(Curve):
    """No calibration: the similarity is the score."""

    @override
    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(similarity, dtype=np.float64)

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": "none"}


@dataclass(frozen=True, slots=True)
class Logistic(Curve):
    """The logistic curve ``P = 1 / (1 + exp(-logit))`` with ``logit = slope · similarity + intercept``.

    Beyond ``CERTAIN`` logits grow like the logarithm, so that the highest similarities do not all get P = 1.

    Raises:
        ValueError: ``slope`` is not above 0.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ValueError(f"the slope of a curve must be above 0, not {self.slope}")

    @override
    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        logits = self.slope * _finite(values) + self.intercept
        inside = np.clip(logits, -CERTAIN, CERTAIN)
        beyond = logits - inside
        return _keep_not_compared(values, expit(inside + np.sign(beyond) * np.log1p(np.abs(beyond))))

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": "logistic", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic(Curve):
    """The steps of isotonic regression, joined to a smooth curve that rises everywhere.

    A monotone cubic through the midpoints between knots joins the steps. A small multiple of the similarity is added to
    its logit, so that different similarities get different scores. Outside the fitted range this term grows like the
    logarithm.

    Attributes:
        knots: Similarities at which steps begin or end, in increasing order, ``(n_knot,)``.
        steps: P at each knot, never falling, in (0, 1), ``(n_knot,)``.
        centre: Mean similarity of the fitted pairs.
        spread: Standard deviation of the similarity of the fitted pairs, above 0.

    Raises:
        ValueError: A step is not in (0, 1).
    """

    knots: NDArray[np.float64]
    steps: NDArray[np.float64]
    centre: float
    spread: float

    def __post_init__(self) -> None:
        if not (self.steps > 0).all() or not (self.steps < 1).all():
            raise ValueError("steps must be above 0 and below 1, because 0 and 1 have no logit")

    @override
    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        finite = _finite(values)
        inside = np.clip(finite, self.knots[0], self.knots[-1])
        beyond = (finite - inside) / self.spread
        rise = (inside - self.centre) / self.spread + np.sign(beyond) * np.log1p(np.abs(beyond))
        return _keep_not_compared(values, expit(logit(join_steps(self.knots, self.steps, inside)) + RISE * rise))

    @override
    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "isotonic",
            "knots": self.knots.tolist(),
            "steps": self.steps.tolist(),
            "centre": self.centre,
            "spread": self.spread,
        }


@dataclass(frozen=True, slots=True, eq=False)
class PublishedIsotonic(Curve):
    """The isotonic curve of WildFusion: flat on steps and outside the fitted range, where scores are equal.

    Source: wildlife-tools, ``IsotonicCalibration`` with interpolation; Cermak et al. 2024, arXiv 2408.12934.

    Attributes:
        knots: Similarities at which steps begin or end, in increasing order, ``(n_knot,)``.
        steps: P at each knot, never falling, in [0, 1], ``(n_knot,)``.
    """

    knots: NDArray[np.float64]
    steps: NDArray[np.float64]

    @override
    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        inside = np.clip(_finite(values), self.knots[0], self.knots[-1])
        joined = join_steps(self.knots, self.steps, inside)
        # WildFusion stores probabilities in half precision; smaller differences are lost.
        return _keep_not_compared(values, joined.astype(np.float16).astype(np.float64))

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": "isotonic (published)", "knots": self.knots.tolist(), "steps": self.steps.tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class OfferedCurve(Curve):
    """The curve of a plugin, with a check of its results.

    Attributes:
        kind: Name of the plugin's score calibration.
        read: The plugin's function from similarities to probabilities.
        samples: Similarities at which the run record stores the curve, in increasing order, ``(n_sample,)``.

    Raises:
        ReidbenchError: On a call: the function raises an error, or its result is not a probability for each similarity.
    """

    kind: str
    read: Callable[[NDArray[np.float64]], ArrayLike]
    samples: NDArray[np.float64]

    @property
    def falls(self) -> bool:
        """Whether the curve falls between two samples by more than rounding."""
        return bool((np.diff(self(self.samples)) < -1e-9).any())

    @override
    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        finite = _finite(values)
        try:
            score = np.asarray(self.read(finite), dtype=np.float64)
        except Exception as error:  # code of a plugin may raise anything
            raise self._unusable(f"it raised {type(error).__name__}: {error}") from error
        if score.shape != values.shape:
            raise self._unusable(f"it gave scores of shape {score.shape} for similarities of shape {values.shape}")
        if not ((score >= 0) & (score <= 1)).all():  # false for nan too
            raise self._unusable("it gave a score outside [0, 1]")
        return _keep_not_compared(values, score)

    def _unusable(self, reason: str) -> ReidbenchError:
        return ReidbenchError(
            f"the score calibration '{self.kind}' can't be used: {reason}",
            where=f"calibration {self.kind}",
            remedy="choose another calibration, such as isotonic, or fix the plugin that offers this one",
        )

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "similarity": self.samples.tolist(), "score": self(self.samples).tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class MeanCurve(Curve):
    """The mean of several curves, for queries that none of them was fitted on."""

    curves: tuple[Curve, ...]

    @override
    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        total = self.curves[0](similarity)
        for curve in self.curves[1:]:
            total = total + curve(similarity)
        return total / len(self.curves)

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": "mean", "curves": [curve.to_json() for curve in self.curves]}


def curve_from_json(data: Mapping[str, Any]) -> Curve:
    """Return the curve for a result of :meth:`Curve.to_json`; its scores are exactly the same.

    Raises:
        ValueError: The kind of curve is not known, for example because a plugin or a later version made it.

    Example:
        >>> curve_from_json(Logistic(2.0, -1.0).to_json())
        Logistic(slope=2.0, intercept=-1.0)
    """
    kind = data["kind"]
    if kind == "none":
        return Plain()
    if kind == "mean":
        return MeanCurve(tuple(curve_from_json(part) for part in data["curves"]))
    if kind == "logistic":
        return Logistic(float(data["slope"]), float(data["intercept"]))
    if kind not in ("isotonic", "isotonic (published)"):
        raise ValueError(f"there is no curve of kind '{kind}'")
    knots, steps = (np.array(data[name], dtype=np.float64) for name in ("knots", "steps"))
    if kind == "isotonic":
        return Isotonic(knots, steps, float(data["centre"]), float(data["spread"]))
    return PublishedIsotonic(knots, steps)


def join_steps(knots: NDArray[np.float64], steps: NDArray[np.float64], similarity: NDArray[Any]) -> NDArray[np.float64]:
    """Return the smooth curve through isotonic steps at similarities inside the range of the knots.

    The curve is a monotone cubic (PCHIP) through the first knot, the midpoints between neighbouring knots and the last
    knot. Its values there are the first step, the means of neighbouring steps and the last step.

    Args:
        knots: Similarities at which steps begin or end, in increasing order, ``(n_knot,)``.
        steps: P at each knot, never falling, ``(n_knot,)``.
        similarity: Similarities between the first and the last knot, any shape.

    Example:
        >>> knots, steps = np.array([0.0, 0.1, 0.9, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
        >>> join_steps(knots, steps, np.array([0.25, 0.5])).round(6).tolist()
        [0.153635, 0.5]
    """
    x = np.concatenate([knots[:1], (knots[1:] + knots[:-1]) / 2, knots[-1:]])
    y = np.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2, steps[-1:]])
    distinct = np.append(True, np.diff(x) > 0)  # the midpoint of two neighbouring floats is one of them
    return np.asarray(np.clip(PchipInterpolator(x[distinct], y[distinct])(similarity), steps[0], steps[-1]))


def stated(curve: Mapping[str, Any]) -> str:
    """Return the kind of a curve for tables, from a result of :meth:`Curve.to_json`."""
    return str(curve["curves"][0]["kind"] if curve["kind"] == "mean" else curve["kind"])


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(values).any():
        raise ValueError("similarities contain nan; use -inf for a pair that was not compared")
    return np.where(np.isneginf(values), 0.0, values)


def _keep_not_compared(similarity: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isneginf(similarity), -np.inf, score)
