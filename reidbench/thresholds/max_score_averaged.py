"""``max-score-folds`` and ``max-score-bagged``: the mean of many thresholds that ``max-score`` chooses.

With few animals the best threshold changes a lot if one animal is exchanged; a mean changes less.
``max-score-folds`` leaves each fold of identities out once. ``max-score-bagged`` gives the identities new random
weights each time (Bayesian bootstrap). All queries of an identity have the same fold or weight. Known and unknown
identities of each group are divided and weighted separately.
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
"""Number of random weights of ``max-score-bagged``."""
SEED = 0  # fixed, so that the policy is deterministic


@dataclass(frozen=True)
class MaxScoreFolds(ScopedPolicy):
    """Policy with the mean of the best thresholds, with one fold of identities left out at a time."""

    name: ClassVar[str] = "max-score-folds"
    folds: int = 5

    @property
    @override
    def argument(self) -> str:
        return str(self.folds)

    @classmethod
    @override
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Return the policy for ``max-score-folds`` or ``max-score-folds=FOLDS``."""
        folds = read_number(
            cls.name, value, default=5, low=1, high=1000, what="a number of folds from 2 to 999", example="5"
        )
        return cls(scope=cls.read_scope(scope, cls.name), folds=max(2, round(folds)))

    @override
    def choose_one(self, answers: Answers) -> Choice:
        fold = _fold_of_query(answers, self.folds)
        values = []
        for left_out in range(self.folds):
            rest = answers.take(fold != left_out)
            if rest.known.any() and not rest.known.all() and (rest.best_score > -np.inf).any():
                values.append(highest_score(rest).value)
        if len(values) < self.folds:
            choice = highest_score(answers)
            note = "{where} has too few identities for folds: the threshold was chosen on all of them together"
            return Choice(choice.value, (*choice.notes, note))
        return Choice(float(np.mean(values)))


@dataclass(frozen=True)
class MaxScoreBagged(ScopedPolicy):
    """Policy with the mean of the best thresholds over random weights of the identities."""

    name: ClassVar[str] = "max-score-bagged"

    @override
    def choose_one(self, answers: Answers) -> Choice:
        rng = np.random.default_rng(SEED)
        # Sorted, so that the result does not depend on the order of the queries.
        order = np.lexsort((-answers.best_score, answers.true.astype(str), answers.group.astype(str)))
        answers = answers.take(order)
        scores = np.unique(answers.best_score[answers.best_score > -np.inf])[::-1]
        chosen: list[float] = []
        while len(chosen) < REDRAWS:
            curves = _reweighted_curves(answers, scores, min(25, REDRAWS - len(chosen)), rng)
            chosen += [middle_of_best(scores, curve) for curve in curves]
        return Choice(float(np.mean(chosen)), highest_score(answers).notes)


def _fold_of_query(answers: Answers, folds: int) -> NDArray[np.int64]:
    """Return the fold of each query's identity; identities are divided by group and side, in the order of a hash."""
    code = answers.identity_code
    _, first = np.unique(code, return_index=True)
    digest = [hashlib.sha256(f"{answers.group[i]}\x00{answers.true[i]}".encode()).digest() for i in first]
    stratum = [(str(answers.group[i]), bool(answers.known[i])) for i in first]
    fold = np.empty(len(first), dtype=np.int64)
    for name in sorted(set(stratum)):
        members = sorted((i for i in range(len(first)) if stratum[i] == name), key=lambda i: digest[i])
        fold[members] = np.arange(len(members)) % folds
    return np.asarray(fold[code])


def _reweighted_curves(
    answers: Answers, scores: NDArray[np.float64], n_redraw: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the score at every threshold for random weights of the identities, ``(n_redraw, len(scores) + 1)``.

    In column ``k``, scores down to ``scores[k - 1]`` are accepted, as in a threshold sweep.
    """
    column = len(scores) - np.searchsorted(scores[::-1], answers.best_score, side="right") + 1
    column = np.where(answers.best_score > -np.inf, column, len(scores) + 1)  # never accepted
    curves = []
    groups = np.unique(answers.group)
    parts = [answers.group == name for name in groups]
    usable = [in_part for in_part in parts if answers.known[in_part].any() and not answers.known[in_part].all()]
    for in_part in usable or [np.ones(len(answers), dtype=bool)]:
        sides = []
        for side in (answers.known, ~answers.known):
            rows = np.flatnonzero(in_part & side)
            _, code, count = np.unique(answers.identity_code[rows], return_inverse=True, return_counts=True)
            weight = rng.standard_exponential((n_redraw, len(count)))
            weight /= weight.sum(axis=1, keepdims=True)
            counted = answers.correct[rows] if side is answers.known else np.ones(len(rows), dtype=bool)
            mass = np.zeros((n_redraw, len(scores) + 2))
            np.add.at(mass.T, column[rows], np.where(counted, weight[:, code] / count[code], 0.0).T)
            if side is answers.known:
                sides.append(np.cumsum(mass[:, :-1], axis=1))
            else:  # summed from the other end, so that 0 is exactly 0
                sides.append(np.cumsum(mass[:, :0:-1], axis=1)[:, ::-1])
        curves.append(np.sqrt(sides[0] * sides[1]))
    return np.asarray(np.mean(curves, axis=0))
