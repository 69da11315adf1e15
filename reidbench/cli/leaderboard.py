"""The leaderboard as a terminal table, and as the same text in a file."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reidbench.cli.tables import WIDE, Column, Table, print_small_table
from reidbench.leaderboard.ranking import LeaderboardRow, boards
from reidbench.progress import plain_console
from reidbench.reporting.leaderboard_table import best_rows, notes_of, title_of, used_columns
from reidbench.reporting.small_tables import SmallTable
from reidbench.untrusted.text import visible

PLAIN_WIDTH = 160
"""Width of a table that is written to a file, in characters."""


def print_leaderboard(rows: Sequence[LeaderboardRow], console: Console, tables: Sequence[SmallTable] = ()) -> None:
    """Print one table for each dataset with its notes, then the small tables."""
    for place, board in enumerate(boards(rows)):
        if place:
            console.print()
        _table(board, console.width).print(console)
        for note in notes_of(board):
            console.print(note)
    for table in tables:
        console.print()
        print_small_table(table, console)


def leaderboard_text(
    rows: Sequence[LeaderboardRow], width: int = PLAIN_WIDTH, tables: Sequence[SmallTable] = ()
) -> str:
    """Return what :func:`print_leaderboard` prints as plain text, without colour or bold."""
    buffer = io.StringIO()
    print_leaderboard(rows, plain_console(file=buffer, width=width), tables)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _table(board: Sequence[LeaderboardRow], width: int) -> Table:
    columns = [column for column in used_columns(board) if column.title != "variant"]  # printed below the method
    wrapped = {
        "method": max(*(len(row.method) for row in board), 28 if width < WIDE else 40),
        "weights": 16 if width < WIDE else 32,
    }
    table = Table(
        [
            Column(
                column.title,
                number=column.right,
                wraps=column.title in wrapped,
                optional=column.optional,
                least=wrapped.get(column.title, 0),
            )
            for column in columns
        ],
        title=title_of(board),
        elsewhere="A wider terminal or --format markdown shows them. docs/protocol.md defines all columns.",
    )
    best = [best_rows(column, board) for column in columns]
    for index, row in enumerate(board):
        cells = []
        for column, winners in zip(columns, best, strict=True):
            cell = Text(visible(column.text(row)), style="bold" if index in winners else "")
            if column.title == "method" and row.variant:
                cell.append(f"\n{visible(row.variant)}", style="dim")
            cells.append(cell)
        table.add(*cells)
    return table
