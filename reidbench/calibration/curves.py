"""Curves from similarity to P(same animal), each fitted once and then only read.

A curve must not tie what the method told apart: the nearest image is chosen after calibration. The default
isotonic curve therefore keeps rising everywhere, also between flat steps and beyond what it was fitted on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import expit, logit

from reidbench.errors import ReidbenchError

# Logits by which a standard deviation of similarity moves a flat step. Small against what the data say (one
# step of the curve moves by about 1), large against rounding: 1e-7 deviations stay apart down to P = 1e-6.
RISE = 1e-3
# Logits grow slowly beyond this: at 37 P would round to 1 and tie the strongest matches.
CERTAIN = 12.0


class Curve(Protocol):
    """A map from similarity to score, never falling."""

    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        """Return the score of each similarity; ``-inf`` (not compared) stays ``-inf``."""

    def to_json(self) -> dict[str, Any]:
        """Return kind and numbers, enough to draw the curve."""


@dataclass(frozen=True, slots=True)
class Plain:
    """No calibration: the similarity is the score."""

    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(similarity, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "none"}


@dataclass(frozen=True, slots=True)
class Logistic:
    """``P = 1 / (1 + exp(-logit))`` with ``logit = slope · similarity + intercept``, slope above 0.

    Beyond ``CERTAIN`` logits grow with the logarithm, so that the strongest similarities do not tie at P = 1.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ValueError(f"a curve rises; its slope is {self.slope}")

    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        logits = self.slope * _finite(values) + self.intercept
        inside = np.clip(logits, -CERTAIN, CERTAIN)
        beyond = logits - inside
        return _not_compared_stays(values, _squash(inside + np.sign(beyond) * np.log1p(np.abs(beyond))))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "logistic", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """Isotonic steps, joined smoothly, rising everywhere in logits.

    The steps are joined by a monotone cubic through the midpoints between knots. To its logit a small
    multiple of the similarity is added, which saturates slowly outside the fitted range, so that distinct
    similarities get distinct scores on the whole line.

    Attributes:
        knots: Similarities at which steps begin or end, rising, ``(n_knot,)``.
        steps: P at each knot, not falling, in (0, 1), ``(n_knot,)``.
        centre: Mean similarity of the fitted pairs.
        spread: Their standard deviation, above 0.
    """

    knots: NDArray[np.float64]
    steps: NDArray[np.float64]
    centre: float
    spread: float

    def __post_init__(self) -> None:
        if not (self.steps > 0).all() or not (self.steps < 1).all():
            raise ValueError("steps must lie inside (0, 1): a certain step has no logit")

    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        finite = _finite(values)
        inside = np.clip(finite, self.knots[0], self.knots[-1])
        beyond = (finite - inside) / self.spread
        rise = (inside - self.centre) / self.spread + np.sign(beyond) * np.log1p(np.abs(beyond))
        return _not_compared_stays(values, _squash(logit(join_steps(self.knots, self.steps, inside)) + RISE * rise))

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "isotonic",
            "knots": self.knots.tolist(),
            "steps": self.steps.tolist(),
            "centre": self.centre,
            "spread": self.spread,
        }


@dataclass(frozen=True, slots=True, eq=False)
class PublishedIsotonic:
    """Isotonic steps joined as WildFusion joins them: flat outside the fitted range, ties where steps are flat.

    Source: wildlife-tools, ``IsotonicCalibration`` with interpolation; Cermak et al. 2024, arXiv 2408.12934.
    """

    knots: NDArray[np.float64]
    steps: NDArray[np.float64]

    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        inside = np.clip(_finite(values), self.knots[0], self.knots[-1])
        joined = join_steps(self.knots, self.steps, inside)
        # Kept in half precision, as published: probabilities that differ by less than that tie.
        return _not_compared_stays(values, joined.astype(np.float16).astype(np.float64))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "isotonic (published)", "knots": self.knots.tolist(), "steps": self.steps.tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class OfferedCurve:
    """A plugin's curve, held to giving a probability for each similarity.

    Attributes:
        kind: Its name.
        read: The plugin's function.
        drawn: Similarities that the record keeps the curve at, rising.

    Raises:
        ReidbenchError: It raises, or gives something other than a probability for each similarity.
    """

    kind: str
    read: Callable[[NDArray[np.float64]], ArrayLike]
    drawn: NDArray[np.float64]

    @property
    def falls(self) -> bool:
        """Whether a higher similarity scores lower somewhere, by more than rounding."""
        return bool((np.diff(self(self.drawn)) < -1e-9).any())

    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(similarity, dtype=np.float64)
        finite = _finite(values)
        try:
            score = np.asarray(self.read(finite), dtype=np.float64)
        except Exception as error:  # a stranger's code
            raise self._unusable(f"it raised {type(error).__name__}: {error}") from error
        if score.shape != values.shape:
            raise self._unusable(f"it gave scores of shape {score.shape} for similarities of shape {values.shape}")
        if not ((score >= 0) & (score <= 1)).all():  # false for nan too
            raise self._unusable("it gave a score outside [0, 1]")
        return _not_compared_stays(values, score)

    def _unusable(self, why: str) -> ReidbenchError:
        return ReidbenchError(
            f"the score calibration '{self.kind}' can't be used: {why}",
            where=f"calibration {self.kind}",
            remedy="take another, such as isotonic, or mend the plugin that offers it",
        )

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "similarity": self.drawn.tolist(), "score": self(self.drawn).tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class MeanCurve:
    """The mean of several curves: what judges queries that none of them was fitted on."""

    curves: tuple[Curve, ...]

    def __call__(self, similarity: ArrayLike) -> NDArray[np.float64]:
        total = self.curves[0](similarity)
        for curve in self.curves[1:]:
            total = total + curve(similarity)
        return total / len(self.curves)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "mean", "curves": [curve.to_json() for curve in self.curves]}


def curve_from_json(data: Mapping[str, Any]) -> Curve:
    """Return the curve that :meth:`Curve.to_json` described, to the bit.

    Raises:
        ValueError: A later version wrote a kind of curve that is not known here.

    Example:
        >>> curve_from_json(Logistic(2.0, -1.0).to_json())
        Logistic(slope=2.0, intercept=-1.0)
    """
    kind = data["kind"]
    if kind == "none":
        return Plain()
    if kind == "mean":
        return MeanCurve(tuple(curve_from_json(each) for each in data["curves"]))
    if kind == "logistic":
        return Logistic(float(data["slope"]), float(data["intercept"]))
    if kind not in ("isotonic", "isotonic (published)"):
        raise ValueError(f"there is no curve of kind '{kind}'")
    knots, steps = (np.array(data[name], dtype=np.float64) for name in ("knots", "steps"))
    if kind == "isotonic":
        return Isotonic(knots, steps, float(data["centre"]), float(data["spread"]))
    return PublishedIsotonic(knots, steps)


def join_steps(knots: NDArray[np.float64], steps: NDArray[np.float64], similarity: NDArray[Any]) -> NDArray[np.float64]:
    """Read the smooth join of isotonic steps at similarities inside the range of the knots.

    A monotone cubic (PCHIP) goes through the first knot, the midpoints between neighbouring knots and the last
    knot, where it takes the first step, the means of neighbouring steps and the last step.

    Example:
        >>> knots, steps = np.array([0.0, 0.1, 0.9, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
        >>> join_steps(knots, steps, np.array([0.25, 0.5])).round(6).tolist()
        [0.153635, 0.5]
    """
    x = np.concatenate([knots[:1], (knots[1:] + knots[:-1]) / 2, knots[-1:]])
    y = np.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2, steps[-1:]])
    distinct = np.append(True, np.diff(x) > 0)  # neighbouring floats have no midpoint of their own
    return np.asarray(np.clip(PchipInterpolator(x[distinct], y[distinct])(similarity), steps[0], steps[-1]))


def stated(curve: Mapping[str, Any]) -> str:
    """Return a curve's kind in words, from what :meth:`Curve.to_json` gave."""
    return str(curve["curves"][0]["kind"] if curve["kind"] == "mean" else curve["kind"])


def _squash(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(expit(logits), dtype=np.float64)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(values).any():
        raise ValueError("similarities contain nan; use -inf for a pair that was not compared")
    return np.where(np.isneginf(values), 0.0, values)


def _not_compared_stays(similarity: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isneginf(similarity), -np.inf, score)
