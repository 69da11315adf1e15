"""``margin``: a logistic rule on the best score, its lead over the second score, and the size of the gallery.

A best candidate with a large lead over the second one is more often right. The rule is fitted on two kinds of
calibration queries: those whose best candidate is right, and those of unknown animals. Both kinds have the same weight,
and so do the identities of one kind. A known query with a wrong best candidate is left out, because it is wrong whether
it is accepted or not. Then ``max-score`` chooses the threshold on the values of the rule, in any scope. Best score and
lead with a negative weight are left out, because a larger lead can't make a prediction less certain.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from typing_extensions import override

from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Adjustment, Thresholds
from reidbench.thresholds.max_score import MaxScore
from reidbench.thresholds.scoped import Choice, ScopedPolicy, require_sides

PENALTY = 1.0  # ridge penalty of the standardised weights; each identity counts as one observation
STEPS = 50
"""Largest number of Newton steps."""


@dataclass(frozen=True)
class Margin(ScopedPolicy):
    """Policy with a higher threshold for a query whose second candidate has a close score."""

    name: ClassVar[str] = "margin"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        return MaxScore().choose_one(answers)

    @override
    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Fit the rule on all groups, then choose the threshold in the policy's scope."""
        require_sides(answers, self.sides, self.text)
        adjustment, notes = fit_adjustment(answers, with_size=self.scope == "pooled")
        adjusted_scores = answers.best_score - adjustment.of(answers)
        adjusted = dataclasses.replace(answers, candidates=answers.candidates[:, :1], scores=adjusted_scores[:, None])
        chosen = MaxScore(self.scope).choose(adjusted)
        return dataclasses.replace(chosen, policy=self.text, adjustment=adjustment, notes=(*notes, *chosen.notes))


def fit_adjustment(answers: Answers, *, with_size: bool) -> tuple[Adjustment, tuple[str, ...]]:
    """Fit the logistic rule, and return the term that it adds to a query's threshold, with notes.

    Args:
        answers: The calibration queries, known and unknown ones.
        with_size: Whether to use the gallery size. It is of no use if each group has a separate threshold.
    """
    used = answers.take((answers.correct | ~answers.known) & (answers.best_score > -np.inf))
    second = used.second_score
    present = second[second > -np.inf] if (second > -np.inf).any() else used.best_score
    no_second = float(present.min()) if len(present) else 0.0
    second = np.where(second > -np.inf, second, no_second)
    size = np.log([max(used.gallery_identities.get(str(name), 1), 1) for name in used.group])
    columns = {"best": used.best_score, "lead": used.best_score - second}
    if with_size and len(np.unique(size)) > 1:
        columns["size"] = np.asarray(size)
    without_margin = Adjustment(0.0, 0.0, no_second)
    if not used.known.any() or used.known.all():
        return without_margin, (
            "no known calibration query has a right best candidate; the threshold does not depend on the margin",
        )
    weights = _fit_logistic(columns, used.correct, _balanced_weights(used))
    best, lead = weights.get("best", 0.0), weights.get("lead", 0.0)
    if best + lead <= 0:
        return without_margin, (
            "higher scores were not more often right on the calibration queries; the threshold is unreliable here",
        )
    return Adjustment(lead / (best + lead), 0.0 - weights.get("size", 0.0) / (best + lead), no_second), ()


def _balanced_weights(answers: Answers) -> NDArray[np.float64]:
    """Return weights of the queries: known and unknown sides have equal sums, and so do the identities of a side.

    All weights sum to the number of identities.
    """
    code = answers.identity_code
    total = len(np.unique(code))
    weights = np.zeros(len(answers))
    for side in (answers.known, ~answers.known):
        _, own, count = np.unique(code[side], return_inverse=True, return_counts=True)
        weights[side] = total / 2 / (len(count) * count[own])
    return weights


def _fit_logistic(
    columns: dict[str, NDArray[np.float64]], right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> dict[str, float]:
    """Fit a logistic regression with a ridge penalty by Newton's method, and return the weight of each column.

    If best score or lead has a negative weight, the column is left out and the others are fitted again. The weight of
    the gallery size may be negative.
    """
    names = [name for name, values in columns.items() if values.std() > 0]
    while names:
        values = np.stack([columns[name] for name in names], axis=1)
        scale = values.std(axis=0)
        design = np.column_stack([np.ones(len(values)), (values - values.mean(axis=0)) / scale])
        penalty = np.diag([0.0] + [PENALTY] * len(names))
        coefficients = np.zeros(design.shape[1])
        for _ in range(STEPS):
            probability = expit(design @ coefficients)
            gradient = design.T @ (weights * (right - probability)) - penalty @ coefficients
            curvature = design.T @ (design * (weights * probability * (1 - probability))[:, None]) + penalty
            step = np.linalg.solve(curvature + 1e-9 * np.eye(len(coefficients)), gradient)
            coefficients += step
            if np.abs(step).max() < 1e-10:
                break
        negative = [name for name, value in zip(names, coefficients[1:], strict=True) if name != "size" and value < 0]
        if not negative:
            return dict(zip(names, (coefficients[1:] / scale).tolist(), strict=True))
        names.remove(negative[-1])
    return {}
