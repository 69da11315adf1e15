"""Intervals of what needs every image's score: AUROC, FPR95 and the oracle score, over reweighted animals.

One sort serves every fold; an animal's weight is that of each of its photographs, as in the bootstrap of rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers

FOLDS = 1_000
BLOCK = 50  # folds at once: 50 x 30,000 images are 12 MB


@dataclass(frozen=True, slots=True, eq=False)
class DetectionFolds:
    """Values of each fold, ``(n_fold,)``; ``nan`` where a side has no query."""

    auroc: NDArray[np.float64]
    fpr95: NDArray[np.float64]
    oracle_score: NDArray[np.float64]


def draw_detection_folds(answers: Answers, *, n_folds: int = FOLDS, seed: int = 0) -> DetectionFolds:
    """Reweigh the animals of an episode and measure again.

    Args:
        answers: Truth and best candidates.
        n_folds: Number of reweighings.
        seed: Seed of the weights.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(-answers.best_score, kind="stable")
    answers = answers.take(order)
    score, known, code = answers.best_score, answers.known, answers.identity_code
    n_animal = int(code.max()) + 1 if len(code) else 0
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))  # the end of each run of equal scores
    groups = [(answers.group == name) for name in np.unique(answers.group)]
    groups = [mine for mine in groups if known[mine].any() and not known[mine].all()]
    found: dict[str, list[NDArray]] = {"auroc": [], "fpr95": [], "oracle_score": []}
    for start in range(0, n_folds, BLOCK):
        weight = rng.standard_exponential((min(BLOCK, n_folds - start), n_animal))
        image = weight[:, code]
        positive = np.cumsum(image * known, axis=1)[:, last]
        negative = np.cumsum(image * ~known, axis=1)[:, last]
        found["auroc"].append(_auroc(positive, negative))
        found["fpr95"].append(_fpr95(positive, negative))
        scores = [_best_score(answers, mine, weight, code) for mine in groups]
        found["oracle_score"].append(np.mean(scores, axis=0) if scores else np.full(len(weight), np.nan))
    return DetectionFolds(**{name: np.concatenate(blocks) for name, blocks in found.items()})


def _auroc(positive: NDArray, negative: NDArray) -> NDArray[np.float64]:
    ups, downs = np.diff(positive, axis=1, prepend=0), np.diff(negative, axis=1, prepend=0)
    beaten = negative[:, -1:] - negative
    with np.errstate(invalid="ignore"):  # a side without queries is nan, not an error
        return np.asarray((ups * (beaten + downs / 2)).sum(axis=1) / (positive[:, -1] * negative[:, -1]))


def _fpr95(positive: NDArray, negative: NDArray) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        reached = np.argmax(positive >= (0.95 - 1e-12) * positive[:, -1:], axis=1)
        rate = np.take_along_axis(negative, reached[:, None], axis=1)[:, 0] / negative[:, -1]
    return np.asarray(np.where((positive[:, -1] > 0) & (negative[:, -1] > 0), rate, np.nan))


def _best_score(
    answers: Answers, mine: NDArray[np.bool_], weight: NDArray, code: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the highest score over all thresholds of one group in each fold."""
    rows = np.flatnonzero(mine & (answers.best_score > -np.inf))
    sides = []
    for known in (True, False):
        side = np.flatnonzero(mine & (answers.known == known))
        _, own, count = np.unique(code[side], return_inverse=True, return_counts=True)
        share = weight[:, code[side]] / count[own]
        animals = np.unique(code[side])
        share /= weight[:, animals].sum(axis=1, keepdims=True)
        whole = np.zeros((len(weight), len(code)))
        whole[:, side] = share
        sides.append(whole[:, rows])
    gained = np.cumsum(np.where(answers.correct[rows], sides[0], 0.0), axis=1)
    refused = 1 - np.cumsum(sides[1], axis=1)
    score = answers.best_score[rows]
    last = np.append(score[1:] != score[:-1], True) if len(rows) else np.zeros(0, dtype=bool)
    return np.asarray(np.sqrt(gained[:, last] * np.maximum(refused[:, last], 0)).max(axis=1, initial=0.0))
