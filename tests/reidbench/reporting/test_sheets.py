"""Sheets below a leaderboard, as a terminal shows them."""

from io import StringIO

from rich.console import Console

from reidbench.reporting.small_tables import Sheet, print_sheet

FAILED = Sheet("Failed", ("method", "how", "reason"), (("otter", "raised", "otter raised it"),), n_names=3, prose=True)


def printed(width):
    console = Console(file=StringIO(), width=width)
    print_sheet(FAILED, console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_sentence_stands_below_its_row_where_the_terminal_is_narrow():
    assert printed(80) == ["Failed", " otter · raised", "    otter raised it"]


def test_and_beside_it_where_it_is_wide():
    assert any("otter" in line and "otter raised it" in line and "raised  otter" in line for line in printed(160))
