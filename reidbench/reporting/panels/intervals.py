"""Panel "Uncertainty": 95 % intervals, and how much the score of one run varies, by cause."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.reporting.blocks import Block, table_blocks
from reidbench.reporting.panels.base import Board, DatasetPanel
from reidbench.reporting.small_tables import interval_tables, variance_tables


def _blocks(board: Board) -> Iterator[Block]:
    for table in (*interval_tables(board.rows), *variance_tables(board.rows)):
        yield from table_blocks(table, captioned=True)


PANEL = DatasetPanel("Uncertainty", _blocks)
