"""Panel "Score by size of the encounter": test queries whose encounter has one, two or three, or more photographs.

The sizes are the array ``test.encounter_size`` of each run: the photographs of the query's encounter in the
whole dataset. A run folder holds image ids and no dates, so the sizes can't be computed from it, and the report reads
no dataset. For that reason a run saves them. Runs of an earlier version lack the array: their cells are undefined, and
a dataset with such runs only has no panel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from reidbench.constants import UNDEFINED
from reidbench.metrics.summary import summarise
from reidbench.reporting.blocks import Block, Grid, Remark, RowTable
from reidbench.reporting.charts import Series
from reidbench.reporting.numbers import show
from reidbench.reporting.panels.base import Board, DatasetPanel

_SIZES = {"1 photograph": (1, 1), "2–3 photographs": (2, 3), "4 or more photographs": (4, np.inf)}
_RATES = {"score": "score", "baks": "BAKS", "baus": "BAUS", "balanced_rank1": "bal. Rank-1"}
_COUNTS = {"n_known": "known queries", "n_unknown": "unknown queries"}


def _blocks(board: Board) -> Iterator[Block]:
    by_row = [each.curves.saved.test.encounter_size for each in board.series]
    sizes = [size for size in by_row if size is not None]
    if not sizes:
        return
    if not any(size.any() for size in sizes):
        yield Remark("The photographs of this dataset have no dates, times or encounters, so the sizes are not known.")
        return
    undated = int((sizes[0] == 0).sum())
    yield Remark(
        "An encounter is all photographs of one animal from one event (docs/data.md), or from one day in runs of "
        "earlier versions. Each table shows the test queries whose "
        "encounter has this number of photographs in the dataset. The numbers are of each row's first split and seed."
        + (
            f" Queries without a date, a time or an encounter are left out: {undated} of {len(sizes[0])}."
            if undated
            else ""
        )
    )
    yield Grid([_table(board, name, low, high) for name, (low, high) in _SIZES.items()], "tables")


def _table(board: Board, name: str, low: float, high: float) -> RowTable:
    cells, reasons = [], {}
    for each in board.series:
        metrics = _metrics(each, low, high)
        counts = [UNDEFINED if metrics[key] is None else str(metrics[key]) for key in _COUNTS]
        cells.append([*(show(metrics[key]) for key in _RATES), *counts])
        reasons[each.label] = dict.fromkeys([
            *(metrics["reasons"][key] for key in _RATES if metrics[key] is None),
            *(f"the score leaves out {group} ({reason})" for group, reason in metrics["left_out"].items()),
        ])  # fmt: skip
    return board.table(f"Encounters of {name}", [*_RATES.values(), *_COUNTS.values()], cells, _note(reasons))


def _metrics(each: Series, low: float, high: float) -> dict[str, Any]:
    """Return the metrics of the test queries with an encounter of such a size, as a record has them."""
    saved = each.curves.saved
    size = saved.test.encounter_size
    if size is None:
        reason = "an earlier version of reidbench wrote the run"
        return dict.fromkeys([*_RATES, *_COUNTS]) | {"reasons": dict.fromkeys(_RATES, reason), "left_out": {}}
    chosen = (size >= low) & (size <= high)
    return summarise(saved.test.answers.take(chosen), saved.thresholds).overall.to_json()


def _note(reasons: dict[str, dict[str, None]]) -> str:
    """Return why cells are undefined, each reason once with the rows that it applies to."""
    rows: dict[str, list[str]] = {}
    for label, of_row in reasons.items():
        for reason in of_row:
            rows.setdefault(reason, []).append(label)
    texts = [why if len(labels) == len(reasons) else f"{why} ({', '.join(labels)})" for why, labels in rows.items()]
    return f"{UNDEFINED}: {'; '.join(texts)}." if texts else ""


PANEL = DatasetPanel("Score by size of the encounter", _blocks)
