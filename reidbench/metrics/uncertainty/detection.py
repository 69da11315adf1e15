"""Intervals of metrics that need the score of each image: AUROC, FPR95 and the oracle score, over reweighted animals.

The queries are sorted once for all folds. Each photograph has the weight of its animal, which is the same in every
episode that tests the animal. Half an animal with a score above all others and half an animal with a score below all
others are added to both sides; for FPR95 to the unknown side only, because half a known animal would move its 95 %.

The added animals lower an AUROC near 1, so its interval spans the folds with and without them
(:func:`auroc_interval`). For an AUROC of .98, 40 known and 18 unknown animals, this interval contains the true value in
.96 of cases; with the added animals alone it is .82, without them .84.

The oracle score is the best that these queries allow. It is higher than the score of the best threshold on other
queries, and its folds are higher still. Its interval is that of the upper bound, not of a fair score.
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
BLOCK = 50  # folds computed at once: for 30,000 images they take 12 MB


@dataclass(frozen=True, slots=True, eq=False)
class DetectionFolds:
    """The reweighted metrics of one episode; ``nan`` if a side has no query.

    Attributes:
        auroc: AUROC, ``(n_fold,)``.
        fpr95: FPR95, ``(n_fold,)``.
        oracle_score: Oracle score, ``(n_fold,)``.
        plain_auroc: AUROC with the same weights, without the added animals, ``(n_fold,)``.
    """

    auroc: NDArray[np.float64]
    fpr95: NDArray[np.float64]
    oracle_score: NDArray[np.float64]
    plain_auroc: NDArray[np.float64]


def auroc_interval(folds: NDArray[np.float64], plain: NDArray[np.float64], value: float) -> Interval:
    """Return the interval that spans the one with the added animals and the one without.

    Args:
        folds: AUROC of each fold, with the added animals, ``(n_fold,)``.
        plain: AUROC of each fold, without them, ``(n_fold,)``.
        value: AUROC of the data, without reweighting.
    """
    ends, without = interval(folds, value), interval(plain, value)
    return Interval(min(ends.low, without.low), max(ends.high, without.high), ends.level)


def draw_detection_folds(
    episodes: Sequence[Answers], *, end_animals: float = END_ANIMALS, n_folds: int = FOLDS, seed: int = 0
) -> list[DetectionFolds]:
    """Reweight the animals many times, with the same weights for every episode, and compute the metrics.

    Args:
        episodes: The episodes.
        end_animals: Weight of the added animal above all others, and of the one below. Divide it by the number of
            splits that are averaged.
        n_folds: Number of reweightings.
        seed: Seed of the weights.

    Returns:
        The reweighted metrics of each episode; fold ``i`` has the same weights in all episodes.
    """
    rng = np.random.default_rng(seed)
    names = [
        np.array([f"{g}\x00{t}" for g, t in zip(each.group, each.true, strict=True)], dtype=str) for each in episodes
    ]
    animals = np.unique(np.concatenate(names)) if names else np.zeros(0, dtype=str)
    ranked = [_Ranked.of(each, np.searchsorted(animals, name)) for each, name in zip(episodes, names, strict=True)]
    folds: list[list[DetectionFolds]] = [[] for _ in episodes]
    for start in range(0, n_folds, BLOCK):
        n_block = min(BLOCK, n_folds - start)
        weight = rng.standard_exponential((n_block, len(animals)))
        ends = rng.standard_gamma(end_animals, (4, n_block, 1))
        for blocks, each in zip(folds, ranked, strict=True):
            blocks.append(each.measure(weight, ends))
    return [
        DetectionFolds(
            *(np.concatenate([getattr(block, each.name) for block in blocks]) for each in fields(DetectionFolds))
        )
        for blocks in folds
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """An episode sorted by falling best score."""

    answers: Answers
    column: NDArray[np.int64]  # column of each query's animal among the weights
    last: NDArray[np.int64]  # the last query of each run of equal scores
    groups: Sequence[NDArray[np.bool_]]  # queries of each group that has known and unknown ones

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
            [in_group for in_group in groups if known[in_group].any() and not known[in_group].all()],
        )

    def measure(self, weight: NDArray[np.float64], ends: NDArray[np.float64]) -> DetectionFolds:
        """Compute the metrics for weights ``(n_fold, n_animal)`` and those of the added animals ``(4, n_fold, 1)``."""
        known = self.answers.known
        if not known.any() or known.all():
            nothing = np.full(len(weight), np.nan)
            return DetectionFolds(nothing, nothing, nothing, nothing)
        image = weight[:, self.column]
        positive = np.cumsum(image * known, axis=1)[:, self.last]
        negative = np.cumsum(image * ~known, axis=1)[:, self.last]
        known_ends, unknown_ends = (
            ends[half] * side.sum() / len(np.unique(self.column[side]))  # it has the mean number of photographs
            for half, side in ((slice(0, 2), known), (slice(2, 4), ~known))
        )
        plain = _auroc(positive, negative)
        negative = _between(negative, unknown_ends)
        scores = [_best_score(self.answers, in_group, weight, self.column, ends) for in_group in self.groups]
        return DetectionFolds(
            _auroc(_between(positive, known_ends), negative),
            _fpr95(_between(positive, np.zeros_like(known_ends)), negative),
            np.mean(scores, axis=0) if scores else np.full(len(weight), np.nan),
            plain,
        )


def _between(sums: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add one weight above and one below all scores, in sums that run from the highest score down."""
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
    answers: Answers,
    in_group: NDArray[np.bool_],
    weight: NDArray[Any],
    code: NDArray[np.int64],
    ends: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the highest score over all thresholds of one group in each fold.

    At every threshold the added known animal above is identified and the one below is not. The added unknown animal
    above is accepted and the one below is rejected.
    """
    rows = np.flatnonzero(in_group & (answers.best_score > -np.inf))
    sides = []
    for known, (above, below) in ((True, ends[:2]), (False, ends[2:])):
        side = np.flatnonzero(in_group & (answers.known == known))
        _, own, count = np.unique(code[side], return_inverse=True, return_counts=True)
        share = weight[:, code[side]] / count[own]
        animals = np.unique(code[side])
        total = weight[:, animals].sum(axis=1, keepdims=True) + above + below
        whole = np.zeros((len(weight), len(code)))
        whole[:, side] = share / total
        sides.append((whole[:, rows], above / total))
    (identified, always_identified), (accepted, always_accepted) = sides
    gained = always_identified + np.cumsum(np.where(answers.correct[rows], identified, 0.0), axis=1)
    refused = 1 - always_accepted - np.cumsum(accepted, axis=1)
    score = answers.best_score[rows]
    last = np.append(score[1:] != score[:-1], True) if len(rows) else np.zeros(0, dtype=bool)
    return np.asarray(np.sqrt(gained[:, last] * np.maximum(refused[:, last], 0)).max(axis=1, initial=0.0))
