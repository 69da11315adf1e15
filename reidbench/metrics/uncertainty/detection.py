"""Intervals of what needs every image's score: AUROC, FPR95 and the oracle score, over reweighted animals.

One sort serves every fold; an animal's weight is that of each of its photographs, and the same in every episode
that asks it, as in the bootstrap of rates. As there, half an animal that scores above all others and half one that
scores below join each side; but for FPR95 the unknown one alone, since half a known animal would move its 95 %.
They pull an AUROC near 1 down, so its interval spans the folds with them and those without
(:func:`auroc_interval`): at .98 of 40 known and 18 unknown animals it held the truth in .96 of cases, where folds with
the ends alone did in .82 and plain ones in .84.

The oracle score is the best that these very queries allow, so it lies above what the best threshold earns on others,
and its folds lie above it: its interval is of these queries' ceiling, not of a fair score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers
from reidbench.metrics.uncertainty.bootstrap import END_ANIMALS, Interval, interval

FOLDS = 1_000
BLOCK = 50  # folds at once: 50 x 30,000 images are 12 MB


@dataclass(frozen=True, slots=True, eq=False)
class DetectionFolds:
    """Values of each fold, ``(n_fold,)``; ``nan`` where a side has no query.

    ``plain_auroc`` is of the same weights without the animals above and below all others.
    """

    auroc: NDArray[np.float64]
    fpr95: NDArray[np.float64]
    oracle_score: NDArray[np.float64]
    plain_auroc: NDArray[np.float64]


def auroc_interval(folds: NDArray[np.float64], plain: NDArray[np.float64], value: float) -> Interval:
    """Return what spans the interval of the folds with the ends and of those without.

    Args:
        folds: AUROC of each fold, ``(n_fold,)``.
        plain: The same without the ends, ``(n_fold,)``.
        value: What the data show.
    """
    ends, without = interval(folds, value), interval(plain, value)
    return Interval(min(ends.low, without.low), max(ends.high, without.high), ends.level)


def draw_detection_folds(
    episodes: Sequence[Answers], *, end_animals: float = END_ANIMALS, n_folds: int = FOLDS, seed: int = 0
) -> list[DetectionFolds]:
    """Reweigh the animals many times, with the same weights for every episode, and measure again.

    Args:
        episodes: Truth and best candidates of each.
        end_animals: Weight of the animal above and of the one below all others; splits that are averaged share it.
        n_folds: Number of reweighings.
        seed: Seed of the weights.

    Returns:
        For each episode what it might have shown, fold by fold in the same order.
    """
    rng = np.random.default_rng(seed)
    names = [
        np.array([f"{g}\x00{t}" for g, t in zip(each.group, each.true, strict=True)], dtype=str) for each in episodes
    ]
    animals = np.unique(np.concatenate(names)) if names else np.zeros(0, dtype=str)
    ranked = [_Ranked.of(each, np.searchsorted(animals, name)) for each, name in zip(episodes, names, strict=True)]
    found: list[list[DetectionFolds]] = [[] for _ in episodes]
    for start in range(0, n_folds, BLOCK):
        n_block = min(BLOCK, n_folds - start)
        weight = rng.standard_exponential((n_block, len(animals)))
        ends = rng.standard_gamma(end_animals, (4, n_block, 1))
        for blocks, each in zip(found, ranked, strict=True):
            blocks.append(each.measure(weight, ends))
    return [
        DetectionFolds(
            *(np.concatenate([getattr(block, each.name) for block in blocks]) for each in fields(DetectionFolds))
        )
        for blocks in found
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """An episode by falling best score: ``column`` is each query's animal among the weights."""

    answers: Answers
    column: NDArray[np.int64]
    last: NDArray[np.int64]  # the end of each run of equal scores
    groups: Sequence[NDArray[np.bool_]]  # those with both sides

    @classmethod
    def of(cls, answers: Answers, column: NDArray[np.int64]) -> _Ranked:
        order = np.argsort(-answers.best_score, kind="stable")
        answers = answers.take(order)
        score, known = answers.best_score, answers.known
        groups = [(answers.group == name) for name in np.unique(answers.group)]
        return cls(
            answers,
            column[order],
            np.flatnonzero(np.append(score[1:] != score[:-1], True)) if len(score) else np.zeros(0, dtype=np.int64),
            [mine for mine in groups if known[mine].any() and not known[mine].all()],
        )

    def measure(self, weight: NDArray[np.float64], ends: NDArray[np.float64]) -> DetectionFolds:
        """Measure under weights, ``(n_fold, n_animal)``, and ends of both sides, ``(4, n_fold, 1)``."""
        known = self.answers.known
        if not known.any() or known.all():
            nothing = np.full(len(weight), np.nan)
            return DetectionFolds(nothing, nothing, nothing, nothing)
        image = weight[:, self.column]
        positive = np.cumsum(image * known, axis=1)[:, self.last]
        negative = np.cumsum(image * ~known, axis=1)[:, self.last]
        known_ends, unknown_ends = (
            ends[half] * side.sum() / len(np.unique(self.column[side]))  # an animal has as many photographs as others
            for half, side in ((slice(0, 2), known), (slice(2, 4), ~known))
        )
        plain = _auroc(positive, negative)
        negative = _between(negative, unknown_ends)
        scores = [_best_score(self.answers, mine, weight, self.column, ends) for mine in self.groups]
        return DetectionFolds(
            _auroc(_between(positive, known_ends), negative),
            _fpr95(_between(positive, np.zeros_like(known_ends)), negative),
            np.mean(scores, axis=0) if scores else np.full(len(weight), np.nan),
            plain,
        )


def _between(sums: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put one weight above and one below all scores, in sums that run from the highest score down."""
    above, below = ends
    return np.hstack([above, above + sums, above + sums[:, -1:] + below])


def _auroc(positive: NDArray[Any], negative: NDArray[Any]) -> NDArray[np.float64]:
    ups, downs = np.diff(positive, axis=1, prepend=0), np.diff(negative, axis=1, prepend=0)
    beaten = negative[:, -1:] - negative
    return np.asarray((ups * (beaten + downs / 2)).sum(axis=1) / (positive[:, -1] * negative[:, -1]))


def _fpr95(positive: NDArray[Any], negative: NDArray[Any]) -> NDArray[np.float64]:
    reached = np.argmax(positive >= (0.95 - 1e-12) * positive[:, -1:], axis=1)
    return np.asarray(np.take_along_axis(negative, reached[:, None], axis=1)[:, 0] / negative[:, -1])


def _best_score(
    answers: Answers, mine: NDArray[np.bool_], weight: NDArray[Any], code: NDArray[np.int64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the highest score over all thresholds of one group in each fold.

    Of the animals at the ends, the known one above is found and the one below is not; the unknown one above is
    accepted and the one below is refused, whatever the threshold.
    """
    rows = np.flatnonzero(mine & (answers.best_score > -np.inf))
    sides = []
    for known, (above, below) in ((True, ends[:2]), (False, ends[2:])):
        side = np.flatnonzero(mine & (answers.known == known))
        _, own, count = np.unique(code[side], return_inverse=True, return_counts=True)
        share = weight[:, code[side]] / count[own]
        animals = np.unique(code[side])
        total = weight[:, animals].sum(axis=1, keepdims=True) + above + below
        whole = np.zeros((len(weight), len(code)))
        whole[:, side] = share / total
        sides.append((whole[:, rows], above / total))
    (found, always_found), (accepted, always_accepted) = sides
    gained = always_found + np.cumsum(np.where(answers.correct[rows], found, 0.0), axis=1)
    refused = 1 - always_accepted - np.cumsum(accepted, axis=1)
    score = answers.best_score[rows]
    last = np.append(score[1:] != score[:-1], True) if len(rows) else np.zeros(0, dtype=bool)
    return np.asarray(np.sqrt(gained[:, last] * np.maximum(refused[:, last], 0)).max(axis=1, initial=0.0))
