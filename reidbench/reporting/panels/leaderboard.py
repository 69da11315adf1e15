"""Panel "Leaderboard": the table of ``reidbench compare`` with every column, and its notes."""

from __future__ import annotations

from collections.abc import Sequence

from reidbench.leaderboard.ranking import LeaderboardRow
from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, Leaderboard, Notes, RowName
from reidbench.reporting.leaderboard_table import as_cells, notes_of
from reidbench.reporting.panels.base import DatasetPanel, row_key


def leaderboard_blocks(index: int, rows: Sequence[LeaderboardRow], *, linked: bool) -> list[Block]:
    """Return the table of one dataset.

    Args:
        index: Place of the dataset on the page, from 0.
        rows: Its rows, best first.
        linked: Whether each method links to its panel.
    """
    headings, cells = as_cells(rows)
    names = [RowName(row_key(index, place), charts.swatch(place), row.method) for place, row in enumerate(rows)]
    table = Leaderboard(rows[0].dataset, headings, list(zip(names, cells, strict=True)), linked)
    notes = notes_of(rows)
    return [table, *([Notes(notes)] if notes else [])]


PANEL = DatasetPanel("Leaderboard", lambda board: leaderboard_blocks(board.index, board.rows, linked=True))
