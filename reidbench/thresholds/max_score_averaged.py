"""``max-score``, made steadier by averaging the threshold over what the calibration episode might have been.

The best threshold of few animals jumps from one score to the next when a single animal is exchanged. Both
policies here choose it many times on parts of the episode and take the mean: ``max-score-folds`` leaves each
fold of identities out once, ``max-score-bagged`` weighs the identities anew each time (the Bayesian bootstrap).
Identities are dealt and weighed whole, known and unknown apart and within their group.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.metrics.answers import Answers
from reidbench.thresholds.max_score import highest_score, middle_of_best
from reidbench.thresholds.scoped import Choice, ScopedPolicy, read_number

REDRAWS = 200
SEED = 0  # the policy is deterministic: one episode, one threshold


@dataclass(frozen=True)
class MaxScoreFolds(ScopedPolicy):
    """The mean of the best thresholds with one fold of identities left out at a time."""

    name: ClassVar[str] = "max-score-folds"
    folds: int = 5

    @property
    @override
    def argument(self) -> str:
        return str(self.folds)

    @classmethod
    @override
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Read ``max-score-folds[=FOLDS]``."""
        folds = read_number(
            cls.name, value, default=5, low=1, high=1000, what="a number of folds from 2 to 999", example="5"
        )
        return cls(scope=cls.read_scope(scope, cls.name), folds=max(2, round(folds)))

    @override
    def choose_one(self, answers: Answers) -> Choice:
        fold = _dealt(answers, self.folds)
        values = []
        for left_out in range(self.folds):
            kept = answers.take(fold != left_out)
            if kept.known.any() and not kept.known.all() and (kept.best_score > -np.inf).any():
                values.append(highest_score(kept).value)
        if len(values) < self.folds:
            whole = highest_score(answers)
            note = "{where} has too few identities for folds: the threshold was chosen on all of them at once"
            return Choice(whole.value, (*whole.notes, note))
        return Choice(float(np.mean(values)))


@dataclass(frozen=True)
class MaxScoreBagged(ScopedPolicy):
    """The mean of the best thresholds over redraws of the identities' weights."""

    name: ClassVar[str] = "max-score-bagged"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        rng = np.random.default_rng(SEED)
        # Ordered by what they hold, so that the order of queries changes nothing.
        order = np.lexsort((-answers.best_score, answers.true.astype(str), answers.group.astype(str)))
        answers = answers.take(order)
        scores = np.unique(answers.best_score[answers.best_score > -np.inf])[::-1]
        chosen: list[float] = []
        while len(chosen) < REDRAWS:
            curves = _redrawn_curves(answers, scores, min(25, REDRAWS - len(chosen)), rng)
            chosen += [middle_of_best(scores, curve) for curve in curves]
        return Choice(float(np.mean(chosen)), highest_score(answers).notes)


def _dealt(answers: Answers, folds: int) -> NDArray[np.int64]:
    """Deal identities to folds, by group and side, in an order that depends on their names alone."""
    code = answers.identity_code
    _, first = np.unique(code, return_index=True)
    drawn = [hashlib.sha256(f"{answers.group[i]}\x00{answers.true[i]}".encode()).digest() for i in first]
    stratum = [(str(answers.group[i]), bool(answers.known[i])) for i in first]
    fold = np.empty(len(first), dtype=np.int64)
    for name in sorted(set(stratum)):
        mine = sorted((i for i in range(len(first)) if stratum[i] == name), key=lambda i: drawn[i])
        fold[mine] = np.arange(len(mine)) % folds
    return np.asarray(fold[code])


def _redrawn_curves(
    answers: Answers, scores: NDArray[np.float64], n_redraw: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the score at every threshold for redrawn weights, ``(n_redraw, len(scores) + 1)``.

    Place ``k`` accepts the scores down to ``scores[k - 1]``, as a sweep does.
    """
    place = len(scores) - np.searchsorted(scores[::-1], answers.best_score, side="right") + 1
    place = np.where(answers.best_score > -np.inf, place, len(scores) + 1)  # never accepted
    curves = []
    groups = np.unique(answers.group)
    parts = [answers.group == name for name in groups]
    usable = [mine for mine in parts if answers.known[mine].any() and not answers.known[mine].all()]
    for mine in usable or [np.ones(len(answers), dtype=bool)]:
        sides = []
        for side in (answers.known, ~answers.known):
            rows = np.flatnonzero(mine & side)
            _, code, count = np.unique(answers.identity_code[rows], return_inverse=True, return_counts=True)
            weight = rng.standard_exponential((n_redraw, len(count)))
            weight /= weight.sum(axis=1, keepdims=True)
            counted = answers.correct[rows] if side is answers.known else np.ones(len(rows), dtype=bool)
            mass = np.zeros((n_redraw, len(scores) + 2))
            np.add.at(mass.T, place[rows], np.where(counted, weight[:, code] / count[code], 0.0).T)
            if side is answers.known:
                sides.append(np.cumsum(mass[:, :-1], axis=1))
            else:  # summed from the other end, so that a side that is 0 is exactly 0
                sides.append(np.cumsum(mass[:, :0:-1], axis=1)[:, ::-1])
        curves.append(np.sqrt(sides[0] * sides[1]))
    return np.asarray(np.mean(curves, axis=0))
