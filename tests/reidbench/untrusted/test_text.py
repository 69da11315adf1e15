"""User text is shown, never obeyed: in terminals, spreadsheets, Markdown pages and JSON."""

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.padding import Padding
from rich.table import Table as RichTable

from reidbench.cli.tables import Column, Table
from reidbench.csv_files import csv_text, read_csv
from reidbench.errors import ReidbenchError
from reidbench.progress import plain_console, print_error, print_json, print_table_text
from reidbench.untrusted.text import json_text, markdown, safe_cell, unmarked_cell, visible

TITLE = "\x1b]0;owned\x07"
FORMULAS = ["=1+1", "+1+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")', "-", "--", "+a"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("žirafa Ngorongoro", "žirafa Ngorongoro"),
        ("line\n\tnext", "line\n\tnext"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("bell\x07 back\x08 delete\x7f", r"bell\x07 back\x08 delete\x7f"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028separator", r"line\u2028separator"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("broken \udcff byte", r"broken \xff byte"),
        ("half \ud83d", r"half \ud83d"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner that Persian needs
    ],
)
def test_what_commands_a_terminal_is_shown_as_a_code(text, shown):
    assert visible(text) == shown


@given(st.text())
def test_no_text_is_left_that_a_terminal_obeys(text):
    shown = visible(text)
    assert not {unicodedata.category(letter) for letter in shown} & {"Cs", "Zl", "Zp"}
    assert all(letter in "\n\t" for letter in shown if unicodedata.category(letter) == "Cc")


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_becomes_text_and_is_read_back(formula, tmp_path):
    assert safe_cell(formula) == "'" + formula and unmarked_cell("'" + formula) == formula
    (tmp_path / "a.csv").write_bytes(csv_text(("image_id", "identity"), [(formula, "ana")], safe=True).encode())
    assert read_csv(tmp_path / "a.csv").unmarked().column("image_id") == [formula]


@pytest.mark.parametrize("cell", [-0.5, None, 3, "-0.5", "+7", "-1e-05", "-inf", "ana", "", "'ana'", "2020-01-01"])
def test_numbers_and_harmless_cells_stay(cell):
    assert safe_cell(cell) == cell
    assert not isinstance(cell, str) or unmarked_cell(cell) == cell


def test_csv_for_machines_is_exact():
    assert csv_text(("a",), [("=1+1",)]) == "a\n=1+1\n"
    assert csv_text(("a",), [("=1+1",)], safe=True) == "a\n'=1+1\n"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("[click](javascript:alert(1))", r"\[click\](javascript:alert(1))"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("https://evil.example", r"https\://evil.example"),
        ("www.evil.example", r"www\.evil.example"),
        ("a | b\n| c", r"a \| b \| c"),
        ("`code` *bold* ~~out~~", r"\`code\` \*bold\* \~\~out\~\~"),
        ("&lt;", "&amp;lt;"),
        (TITLE, r"\\x1b\]0;owned\\x07"),
        ("color_histogram", "color_histogram"),
    ],
)
def test_markdown_draws_no_link_no_html_and_no_cell(text, escaped):
    assert markdown(text) == escaped


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_is_the_same_value_and_commands_no_terminal(value):
    text = json_text(value)
    assert json.loads(text) == value and visible(text) == text


def test_json_has_null_where_it_lacks_a_number(capsys):
    print_json({"a": float("nan"), "b": [float("-inf"), 1.5]})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5]}


def _printed(*objects):
    buffer = io.StringIO()
    console = plain_console(file=buffer, width=200)
    for each in objects:
        console.print(each)
    return buffer.getvalue()


def test_no_renderable_of_rich_bypasses_the_console():
    grid = RichTable(title=TITLE)
    grid.add_column(TITLE)
    grid.add_row(TITLE)
    printed = _printed(TITLE, grid, Padding(TITLE, 1))
    assert "\x1b" not in printed and "\x07" not in printed and "owned" in printed


@pytest.mark.parametrize("text", [TITLE, "[/red]", "[bold]", ":smile:", "\u202egpj"])
def test_tables_and_errors_show_user_text_as_it_is(text):
    table = Table([Column(text)], title=text)
    table.add(text)
    buffer = io.StringIO()
    console = plain_console(file=buffer, width=200)
    table.print(console)
    print_error(ReidbenchError(text, where=text, remedy=text), console)
    assert buffer.getvalue().count(visible(text)) == 6


def test_a_table_for_programs_is_exact_in_a_pipe_and_safe_on_a_terminal(capsys, monkeypatch):
    print_table_text(f"a\n{TITLE}\n")
    assert capsys.readouterr().out == f"a\n{TITLE}\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_table_text(f"a\n{TITLE}\n")
    assert "\x1b" not in capsys.readouterr().out
