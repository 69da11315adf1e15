"""Ask before something that cannot be undone, or that costs time or money."""

from __future__ import annotations

import sys

import typer

from reidbench.errors import ReidbenchError
from reidbench.progress import print_line
from reidbench.untrusted.text import visible


def confirm(question: str, otherwise: str, *, yes: bool) -> None:
    """Ask a question on stderr, and go on if the answer is yes.

    Args:
        question: The question.
        otherwise: Sentence to print if the answer is no.
        yes: Whether ``--yes`` answers it.

    Raises:
        ReidbenchError: stdin is not a terminal.
        typer.Exit: The answer is no.
    """
    if yes:
        return
    if not is_terminal():
        raise ReidbenchError("Cannot ask for confirmation: stdin is not a terminal. Add --yes.")
    if not ask(question):
        print_line(otherwise, stderr=True)
        raise typer.Exit(1)


def ask(question: str) -> bool:
    """Ask a question on stderr that is answered by yes or no."""
    return typer.confirm(visible(question), err=True)


def is_terminal() -> bool:
    """Tell whether stdin is a terminal, so that a question can be answered."""
    return sys.stdin.isatty()
