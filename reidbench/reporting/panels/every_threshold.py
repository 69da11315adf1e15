"""Panel "Results at every threshold": BAKS against 1 − BAUS, Rank-k, and BAKS at fixed rates of false matches."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, Figure, Grid, Remark
from reidbench.reporting.numbers import show
from reidbench.reporting.panels.base import MOST_OTHERS, Board, DatasetPanel


def _blocks(board: Board) -> Iterator[Block]:
    if any(len(row.runs) > 1 for row in board.rows):
        yield Remark(
            "The curves, rates and costs below are of the first split and seed of each row. The next two plots draw "
            f"up to {MOST_OTHERS} other runs of the row as thin lines. The leaderboard and the tables by group show "
            "means over all runs."
        )
    yield board.legend
    yield Grid([
        Figure(
            [charts.open_set_curve(board.series)],
            "Each curve shows all thresholds, from accepting no query (left) to accepting every query (right). Filled "
            "mark: the predictions of the run. Hollow mark: the best threshold of each group in hindsight. "
            "Dashed outline: the threshold moves by group or by query, so the mark may lie off the curve.",
        ),
        Figure(
            [charts.rank_curves(board.series)],
            (
                "Closed-set ranking: share of known queries with their animal among the best k candidates, averaged by "
                "identity."
            ),
        ),
    ])  # fmt: skip
    rates = [each.curves.identification for each in board.series]
    reasons = dict.fromkeys(rate.reason for row in zip(*rates, strict=True) for rate in row if rate.reason)
    yield board.table(
        "BAKS at the lowest threshold that accepts at most a given share of the unknown animals (DIR at FPIR)",
        [f"DIR at FPIR {100 * rate.fpir:g} %" for rate in rates[0]],
        [[show(rate.value) for rate in row] for row in rates],
        f"Undefined: {'; '.join(reasons)}." if reasons else "",
    )


PANEL = DatasetPanel("Results at every threshold", _blocks)
