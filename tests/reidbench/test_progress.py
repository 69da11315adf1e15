"""Warnings and errors print the text of users as it is."""

import re
from io import StringIO

import pytest
from rich.text import Text

from reidbench.errors import ReidbenchError
from reidbench.progress import RichProgress, plain_console, print_error, print_line, print_warning
from reidbench.untrusted.text import visible


@pytest.fixture
def console():
    return plain_console(file=StringIO(), width=40)


def test_an_error_is_one_line_for_each_of_its_parts_and_reads_no_markup(console):
    print_error(ReidbenchError("no [bold]zebra[/bold] " * 3, where="a:zebra:.csv", remedy="name [another]"), console)
    assert console.file.getvalue().splitlines() == [
        "error: " + "no [bold]zebra[/bold] " * 3,
        "  where:  a:zebra:.csv",
        "  remedy: name [another]",
    ]


def test_an_error_without_place_and_remedy_is_one_line(console):
    print_error(ReidbenchError("no image"), console)
    assert console.file.getvalue() == "error: no image\n"


def test_a_warning_reads_no_markup(console):
    print_warning("[/red] is the name of a folder, and a sentence is not broken", console)
    assert console.file.getvalue() == "warning: [/red] is the name of a folder, and a sentence is not broken\n"


def test_a_stage_with_brackets_in_its_name_is_drawn_as_it_is(monkeypatch, capsys):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    with RichProgress().stage("embed [/b]", 2) as stage:
        stage.advance()
        stage.describe("[red]loss")
    assert "embed [/b] · [red]loss" in capsys.readouterr().err


HOSTILE = "lynx\x1b]0;owned\x07\x1b[31m\x9b2J"


def test_control_characters_are_shown_and_not_sent_to_the_terminal(console, capsys):
    console.print(HOSTILE)
    console.print(Text(HOSTILE, style="bold"))
    print_error(ReidbenchError(HOSTILE, where=HOSTILE, remedy=HOSTILE), console)
    print_warning(HOSTILE, console)
    print_line(HOSTILE)
    print_line(HOSTILE, stderr=True)
    printed = "".join((console.file.getvalue(), *capsys.readouterr()))
    assert printed.replace("\n", "").count(r"lynx\x1b]0;owned\x07\x1b[31m\x9b2J") == 7
    assert not set(printed) & {"\x1b", "\x07", "\x9b"}


def test_letters_of_every_script_line_ends_and_tabs_stay():
    assert visible("žluťoučký 雪豹 – é\n\t·") == "žluťoučký 雪豹 – é\n\t·"


@pytest.mark.parametrize("columns", ["60", "80", "120"])
@pytest.mark.parametrize("done", [0, 150])
def test_counts_and_times_of_a_bar_are_never_cut(monkeypatch, capsys, columns, done):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    with RichProgress().stage("train", 12500) as stage:
        stage.advance(done)
        stage.describe("a long text about the loss, the learning rate and the epoch " * 2)
    printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    last = printed.replace("\r", "\n").strip().splitlines()[-1]
    assert len(last) <= int(columns)
    assert re.search(rf" {done}/12500 0:00:\d\d (-:--:--|\d+:\d\d:\d\d)$", last) and "…" in last
    assert last.startswith("train · a long")
