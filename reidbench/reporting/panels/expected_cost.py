"""Panel "Expected cost": the mean cost of the errors of a query, for given costs and a share of unknown animals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from reidbench.metrics.expected_cost import ErrorCosts, expected_cost
from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, Figure, Grid, RowTable
from reidbench.reporting.error_cases import KINDS
from reidbench.reporting.numbers import show
from reidbench.reporting.panels.base import Board, DatasetPanel


def _blocks(board: Board) -> Iterator[Block]:
    costs = {name: getattr(board.options.costs, name) for name in KINDS}
    yield Grid([
        _table(board),
        Figure(
            [charts.cost_lines(board.series, costs, board.options.unknown_rate)],
            "Expected cost of a query with the predictions of the run, for every share of unknown animals. "
            "Vertical line: the stated share.",
        ),
    ])  # fmt: skip


def _table(board: Board) -> RowTable:
    costs, rate = board.options.costs, board.options.unknown_rate
    cells = []
    for each in board.series:
        errors = each.curves.answered_rates
        by_threshold = expected_cost(each.curves.rates, rate, costs)
        best = float(np.nanmin(by_threshold)) if np.isfinite(by_threshold).any() else math.nan
        values = (_cost(errors, rate, costs), best, *(errors[name] for name in KINDS))
        cells.append([show(value) for value in values])
    return board.table(
        f"Expected cost of a query if {100 * rate:g} % of the queries show unknown animals. Costs: false new "
        f"{costs.false_new:g}, mis-identification {costs.misidentified:g}, false match {costs.false_match:g}.",
        ["as predicted", "best common threshold", "false new", "mis-identified", "false match"],
        cells,
        f"Predicting “new” for every query costs {(1 - rate) * costs.false_new:.3f}. The last three columns are rates "
        "of errors, averaged by identity.",
    )


def _cost(errors: Mapping[str, float], rate: float, costs: ErrorCosts) -> float:
    """Return the expected cost with the predictions of the run; ``nan`` if a rate that counts is undefined."""
    total = 0.0
    if rate < 1:
        total += (1 - rate) * (costs.false_new * errors["false_new"] + costs.misidentified * errors["misidentified"])
    return total + rate * costs.false_match * errors["false_match"] if rate > 0 else total


PANEL = DatasetPanel("Expected cost", _blocks)
