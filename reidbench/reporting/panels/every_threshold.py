"""Panel "Over every threshold": BAKS against 1 − BAUS, Rank-k, and BAKS at fixed rates of false matches."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, Figure, Grid, Remark
from reidbench.reporting.numbers import show
from reidbench.reporting.panels.base import MOST_OTHERS, Board, DatasetPanel


def _blocks(board: Board) -> Iterator[Block]:
    if any(len(row.runs) > 1 for row in board.rows):
        yield Remark(
            "From here on, curves, rates and costs are of each row's first split and seed, and the first two plots "
            f"draw up to {MOST_OTHERS} of its other runs thinly behind; the leaderboard and the tables by group "
            "average over all."
        )
    yield board.legend
    yield Grid([
        Figure(
            [charts.open_set_curve(board.series)],
            "Each curve runs over all thresholds, from accepting none (left) to accepting all (right). Filled: as "
            "answered. Hollow: each group's best threshold in hindsight.",
        ),
        Figure(
            [charts.rank_curves(board.series)],
            "Closed-set ranking: share of known queries whose animal is among the best k, averaged by identity.",
        ),
    ])  # fmt: skip
    rates = [each.curves.identification for each in board.series]
    reasons = dict.fromkeys(rate.reason for row in zip(*rates, strict=True) for rate in row if rate.reason)
    yield board.table(
        "Known animals found while so many unknown ones are let in, each averaged by identity",
        [f"DIR at FPIR {100 * rate.fpir:g} %" for rate in rates[0]],
        [[show(rate.value) for rate in row] for row in rates],
        f"Undefined: {'; '.join(reasons)}." if reasons else "",
    )


PANEL = DatasetPanel("Over every threshold", _blocks)
