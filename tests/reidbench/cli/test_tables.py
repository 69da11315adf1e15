"""The table that every command prints: what a narrow terminal leaves out and what it never cuts."""

from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from reidbench.cli.tables import Column, Table, print_small_table
from reidbench.progress import plain_console
from reidbench.reporting.small_tables import SmallTable

FAILED = SmallTable(
    "Failed", ("method", "how", "reason"), (("otter", "raised", "otter raised it"),), n_names=3, prose=True
)


def lines(printable, width):
    console = plain_console(file=StringIO(), width=width)
    if isinstance(printable, SmallTable):
        print_small_table(printable, console)
    else:
        printable.print(console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def table(*, optional=(0, 1, 2, 0), cells=("a dataset of zebras", "0.500", "0.250", "1234567890abcdef")):
    columns = [
        Column("dataset", wraps=True),
        Column("score", number=True, optional=optional[1]),
        Column("Rank-\n1", number=True, optional=optional[2]),
        Column("run", optional=optional[3]),
    ]
    made = Table(columns, title="Runs", elsewhere="--json prints them.")
    made.add(*cells)
    return made


def test_all_columns_are_shown_where_they_fit():
    assert lines(table(), 80) == [
        "Runs",
        "",
        "                             Rank-",
        " dataset              score      1  run",
        " ───────────────────────────────────────────────────",
        " a dataset of zebras  0.500  0.250  1234567890abcdef",
        "",
    ]


def test_the_column_with_the_highest_number_is_left_out_first_and_named():
    assert lines(table(), 40) == [
        "Runs",
        "",
        " dataset         score run",
        " ──────────────────────────────────────",
        " a dataset of    0.500 1234567890abcdef",
        " zebras",
        "",
        "Not shown at a width of 40: Rank-1.",
        "--json prints them.",
    ]
    shown = " ".join(lines(table(), 34))
    assert "0.500" not in shown and "Not shown at a width of 34: score, Rank-1." in shown


@pytest.mark.parametrize("width", [20, 24, 30])
def test_nothing_is_cut_where_the_rest_does_not_fit_either(width):
    """Not one character of a cell is lost, whatever the width."""
    printed = lines(table(optional=(0, 0, 0, 0)), width)
    assert max(map(len, printed)) <= width
    letters = "".join(printed[1:]).replace(" ", "").replace("─", "")
    assert sorted(letters) == sorted("datasetscoreRank-1runadatasetofzebras0.5000.2501234567890abcdef")


def test_text_of_a_user_is_no_markup():
    cells = ("[bold]zebra[/bold]", ":zebra:", "[red]", "[/]")
    assert "[bold]zebra[/bold] :zebra:" in " ".join(" ".join(lines(table(cells=cells), 80)).split())


def test_control_characters_in_cells_titles_and_notes_are_shown_by_their_codes():
    cells = ("a\x1b[31m", "b\x9b", "c", "d")
    rows = (("a\x1b[31m", "b\x07"),)
    small = SmallTable("title\x1b", ("method", "reason"), rows, notes=("note\x1b",), n_names=2)
    prose = SmallTable("title\x1b", ("method", "reason"), rows, n_names=2, prose=True)
    for printable in (table(cells=cells), small, prose):
        printed = "\n".join(lines(printable, 80))
        assert "\\x1b[31m" in printed and not set(printed) & {"\x1b", "\x07", "\x9b"}


def test_styles_reach_the_terminal():
    made = Table([Column("a"), Column("b")])
    made.add("x", Text("y", style="bold"))
    made.add("z", "z", style="bold")
    console = Console(file=StringIO(), width=40, force_terminal=True, color_system="standard")
    made.print(console)
    assert "\x1b[1my" in console.file.getvalue() and "\x1b[1mz" in console.file.getvalue()


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match="1 cells for 4 columns"):
        table().add("alone")


def test_the_sentence_of_a_row_is_below_it_where_the_terminal_is_narrow():
    assert lines(FAILED, 80) == ["Failed", " otter · raised", "    otter raised it"]


def test_and_next_to_it_where_it_is_wide():
    assert any("otter" in line and "otter raised it" in line and "raised  otter" in line for line in lines(FAILED, 160))
