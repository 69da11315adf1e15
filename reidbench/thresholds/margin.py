"""``margin``: a logistic rule on the best score, its lead over the second, and the size of the gallery.

A best score that stands alone says more than one with a rival close behind. The rule is fitted on calibration
queries whose best candidate is right against queries of unknown animals, both sides and their identities
weighing the same; a known query with a wrong candidate is wrong whether it is accepted or not, so it has no say.
Where on the rule the threshold lies is then chosen as ``max-score`` chooses it, in any scope. A weight that comes
out negative is left out: more lead never makes an answer less sure.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Adjustment, Thresholds
from reidbench.thresholds.max_score import MaxScore
from reidbench.thresholds.scoped import Choice, ScopedPolicy, require_sides

PENALTY = 1.0  # on standardised weights, with one unit of evidence for each identity
STEPS = 50


@dataclass(frozen=True)
class Margin(ScopedPolicy):
    """Ask more of a best score that has a rival close behind."""

    name: ClassVar[str] = "margin"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        return MaxScore().choose_one(answers)

    @override
    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Fit the rule on all groups, then choose where it cuts in the policy's scope."""
        require_sides(answers, self.sides, self.text)
        adjustment, notes = fit_adjustment(answers, with_size=self.scope == "pooled")
        moved = answers.best_score - adjustment.of(answers)
        judged = dataclasses.replace(answers, candidates=answers.candidates[:, :1], scores=moved[:, None])
        chosen = MaxScore(self.scope).choose(judged)
        return dataclasses.replace(chosen, policy=self.text, adjustment=adjustment, notes=(*notes, *chosen.notes))


def fit_adjustment(answers: Answers, *, with_size: bool) -> tuple[Adjustment, tuple[str, ...]]:
    """Fit the logistic rule, and return what it adds to a query's threshold.

    Args:
        answers: The calibration episode, with known and unknown queries.
        with_size: Whether the gallery's size has a say; it says nothing where each group has its own threshold.
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
    nothing = Adjustment(0.0, 0.0, no_second)
    if not used.known.any() or used.known.all():
        return nothing, ("no known calibration query has a right candidate: the margin has no say",)
    weights = _fit_logistic(columns, used.correct, _balanced(used))
    best, lead = weights.get("best", 0.0), weights.get("lead", 0.0)
    if best + lead <= 0:
        return nothing, ("neither best score nor margin speaks for an answer: the margin has no say",)
    return Adjustment(lead / (best + lead), 0.0 - weights.get("size", 0.0) / (best + lead), no_second), ()


def _balanced(answers: Answers) -> NDArray[np.float64]:
    """Weigh queries so that identities of a side weigh the same and both sides do; the sum is their number."""
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
    """Return the weight of each column in its own unit, with what came out negative left out and refitted.

    Newton steps on a ridge-penalised likelihood; the size of a gallery may have either sign.
    """
    names = [name for name, values in columns.items() if values.std() > 0]
    while names:
        values = np.stack([columns[name] for name in names], axis=1)
        scale = values.std(axis=0)
        design = np.column_stack([np.ones(len(values)), (values - values.mean(axis=0)) / scale])
        penalty = np.diag([0.0] + [PENALTY] * len(names))
        found = np.zeros(design.shape[1])
        for _ in range(STEPS):
            likely = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
            slope = design.T @ (weights * (right - likely)) - penalty @ found
            bend = design.T @ (design * (weights * likely * (1 - likely))[:, None]) + penalty
            step = np.linalg.solve(bend + 1e-9 * np.eye(len(found)), slope)
            found += step
            if np.abs(step).max() < 1e-10:
                break
        negative = [name for name, value in zip(names, found[1:], strict=True) if name != "size" and value < 0]
        if not negative:
            return dict(zip(names, (found[1:] / scale).tolist(), strict=True))
        names.remove(negative[-1])
    return {}
