"""Panel "How sure": 95 % intervals, and how much the score of one run varies, by cause."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.reporting.blocks import Block, table_blocks
from reidbench.reporting.panels.base import Board, DatasetPanel
from reidbench.reporting.small_tables import interval_sheets, variance_sheets


def _blocks(board: Board) -> Iterator[Block]:
    for sheet in (*interval_sheets(board.rows), *variance_sheets(board.rows)):
        yield from table_blocks(sheet, captioned=True)


PANEL = DatasetPanel("How sure", _blocks)
