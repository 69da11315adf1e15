"""Panel "Score against cost": the mean score of each row, with its interval, and the seconds of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reidbench.leaderboard.ranking import OFFICIAL
from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, Figure
from reidbench.reporting.charts import CostPoint
from reidbench.reporting.panels.base import Board, DatasetPanel


def _blocks(board: Board) -> Iterator[Block]:
    metric = charts.plain(board.metric)
    spread, ends = _spread(board)
    caption = f"Mean {metric} of each row against the seconds for fitting, extraction and matching."
    yield board.legend
    yield Figure(
        [charts.score_against_cost(_points(board, ends), metric)],
        caption + (f" Vertical lines: {spread}." if spread else ""),
        wide=True,
    )


def _spread(board: Board) -> tuple[str, list[tuple[float, float]]]:
    """Return the meaning of the vertical lines, and the lower and upper end of each row's line, ``nan`` for no line.

    All rows have the same kind of line: intervals over animals if there are any, otherwise deviations over splits.
    """
    intervals = [row.confidence.score if board.metric == OFFICIAL else None for row in board.rows]
    if any(intervals):
        return "95 % intervals over animals, thresholds held fixed", [
            (math.nan, math.nan) if each is None else (each.low, each.high) for each in intervals
        ]
    ends = []
    for row in board.rows:
        value, deviation = row.metrics.get(board.metric), row.split_sd.get(board.metric)
        if value is None or deviation is None:
            ends.append((math.nan, math.nan))
        else:
            ends.append((value - deviation, value + deviation))
    return "standard deviation over splits" if any(math.isfinite(low) for low, _ in ends) else "", ends


def _points(board: Board, ends: list[tuple[float, float]]) -> list[CostPoint]:
    points = []
    for row, each, (low, high) in zip(board.rows, board.series, ends, strict=True):
        value, seconds = row.metrics.get(board.metric), row.timing.get("seconds")
        points.append(
            CostPoint(
                each.index, each.key, each.label, math.nan if seconds is None else max(float(seconds), 0.01),
                math.nan if value is None else float(value), low, high,
            )
        )  # fmt: skip
    return points


PANEL = DatasetPanel(lambda board: charts.capitalised(f"{charts.plain(board.metric)} against cost"), _blocks)
