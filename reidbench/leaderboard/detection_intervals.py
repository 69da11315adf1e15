"""Intervals of AUROC, FPR95 and the oracle score for the rows of a leaderboard.

They need the scores of all queries, and take longer than the intervals of rates. They are computed only if shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reidbench.leaderboard.ranking import LeaderboardRow, boards
from reidbench.metrics.answers import Answers
from reidbench.metrics.uncertainty.bootstrap import END_ANIMALS, Interval, interval
from reidbench.metrics.uncertainty.detection import DetectionFolds, auroc_interval, draw_detection_folds
from reidbench.records.saved_run import read_test_answers


def with_detection_intervals(rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """Return the rows with these intervals; all rows of one dataset use the same weights of the animals.

    A row has no interval if one of its runs has no saved scores, or if the metric is undefined.

    Args:
        rows: Rows of any datasets.

    Raises:
        ReidbenchError: The saved scores of a run can't be read.
    """
    return [row for board in boards(rows) for row in _of_board(board)]


def _of_board(board: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    answers_of = [[read_test_answers(run) for run in row.runs] for row in board]
    usable = [place for place, answers in enumerate(answers_of) if all(each is not None for each in answers)]
    episodes: list[Answers] = [each for place in usable for each in answers_of[place] if each is not None]
    n_split = max((len(board[place].splits) for place in usable), default=1)
    folds = iter(draw_detection_folds(episodes, end_animals=END_ANIMALS / n_split))
    rows = list(board)
    for place in usable:
        row = board[place]
        of_split: dict[str, list[DetectionFolds]] = {}
        for run in row.runs:
            of_split.setdefault(run.split_digest, []).append(next(folds))
        splits = list(of_split.values())
        auroc, plain, fpr95, oracle = (
            _means(splits, name) for name in ("auroc", "plain_auroc", "fpr95", "oracle_score")
        )
        value = row.metrics.get("auroc")
        confidence = replace(
            row.confidence,
            auroc=None if value is None or auroc is None or plain is None else auroc_interval(auroc, plain, value),
            fpr95=_interval(fpr95, row.metrics.get("fpr95")),
            oracle_score=_interval(oracle, row.metrics.get("oracle_score")),
        )
        rows[place] = replace(row, confidence=confidence)
    return rows


def _means(of_split: Sequence[Sequence[DetectionFolds]], name: str) -> NDArray[np.float64] | None:
    """Average folds like rows: seeds within a split first, then splits; ``None`` if a fold is undefined."""
    means = np.mean([np.mean([getattr(each, name) for each in folds], axis=0) for folds in of_split], axis=0)
    return None if np.isnan(means).any() else np.asarray(means)


def _interval(folds: NDArray[np.float64] | None, value: float | None) -> Interval | None:
    return None if value is None or folds is None else interval(folds, value)
