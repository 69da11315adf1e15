"""Panel "By group": the metrics of each group (species), as means over the runs of each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reidbench.metrics.builtin import METRICS
from reidbench.metrics.oracle import ORACLE_SCORE, REGRET
from reidbench.reporting.blocks import Block, Grid
from reidbench.reporting.numbers import show
from reidbench.reporting.panels.base import Board, DatasetPanel

_METRICS = (*(metric for metric in METRICS if metric.by_group), ORACLE_SCORE, REGRET)


def _blocks(board: Board) -> Iterator[Block]:
    names = sorted({name for row in board.rows for run in row.runs for name in run.data.metrics.test.groups})
    if len(names) > 1:
        yield Grid([_table(board, name) for name in names], "tables")


def _table(board: Board, name: str) -> Block:
    """Return one group's table: means over the runs of each row."""
    metrics = [[run.data.metrics.test.groups.get(name, {}) for run in row.runs] for row in board.rows]
    first = metrics[0][0]
    note = (
        f"{first.get('n_queries', 0)} queries, {first.get('n_known_identities', 0)} known and "
        f"{first.get('n_unknown_identities', 0)} unknown identities in the first run"
    )
    cells = [[show(_mean(of_row, metric.name)) for metric in _METRICS] for of_row in metrics]
    return board.table(name, [metric.title for metric in _METRICS], cells, note)


def _mean(metrics: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Return the mean over runs; undefined if one is, as in the leaderboard."""
    values = [each.get(key) for each in metrics]
    defined = [float(value) for value in values if value is not None]
    return sum(defined) / len(defined) if defined and len(defined) == len(values) else None


PANEL = DatasetPanel("By group", _blocks)
