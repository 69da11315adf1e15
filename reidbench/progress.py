"""What a command prints while it works: stages with a bar, warnings and errors.

A method sees :class:`Progress` only. The command line passes a subclass that draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.text import Text
from typing_extensions import override

from reidbench.errors import ReidbenchError


class Stage(Protocol):
    """A stage of known length that is under way."""

    def advance(self, steps: float = 1) -> None:
        """Count steps as done."""

    def describe(self, text: str) -> None:
        """Add a text to the name of the stage, such as the current loss."""


class Progress:
    """Receives stages and warnings, and prints nothing. Subclasses print them."""

    @contextmanager
    def stage(self, description: str, total: float) -> Iterator[Stage]:
        """Begin a stage that lasts as long as the ``with`` block.

        Args:
            description: Name of the stage.
            total: Its number of steps.
        """
        yield _SilentStage()

    def warn(self, text: str) -> None:
        """Show a warning without ending the run."""


class _SilentStage:
    def advance(self, steps: float = 1) -> None:
        pass

    def describe(self, text: str) -> None:
        pass


class RichProgress(Progress):
    """Draws a bar for each stage, with the time left, on stderr. Works in terminals and notebooks."""

    def __init__(self) -> None:
        self._console = plain_console(stderr=True)

    @override
    @contextmanager
    def stage(self, description: str, total: float) -> Iterator[Stage]:
        from rich import progress as bars

        # In a log file, each refresh of a bar would leave a line.
        shown = self._console.is_terminal or self._console.is_jupyter
        columns = (
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
        )
        with bars.Progress(*columns, console=self._console, transient=True, disable=not shown) as display:
            task = display.add_task(description, total=total)

            class _Bar:
                def advance(self, steps: float = 1) -> None:
                    display.advance(task, steps)

                def describe(self, text: str) -> None:
                    display.update(task, description=f"{description} · {text}")

            yield _Bar()

    @override
    def warn(self, text: str) -> None:
        print_warning(text, self._console)


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: it reads neither markup nor emoji codes and colours no numbers.

    Names and paths of users may hold ``[brackets]`` and ``:colons:``.
    """
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def print_warning(text: str, console: Console) -> None:
    """Print one warning."""
    console.print(Text.assemble(("warning:", "yellow"), " ", text), soft_wrap=True)


def print_error(error: ReidbenchError, console: Console) -> None:
    """Print an error: what happened, where, and what to do."""
    console.print(Text.assemble(("error:", "bold red"), " ", error.message), soft_wrap=True)
    if error.where:
        console.print(Text(f"  where:  {error.where}"), soft_wrap=True)
    if error.remedy:
        console.print(Text(f"  remedy: {error.remedy}"), soft_wrap=True)
