"""What a command prints while it works: stages with a bar, warnings and errors.

A method sees :class:`Progress` only. The command line passes a subclass that draws.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.text import Text
from typing_extensions import override

from reidbench.errors import ReidbenchError
from reidbench.untrusted.text import json_text, visible

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


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

    def note(self, text: str) -> None:
        """Show a fact that is no warning, such as how long the run will take."""


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
        from rich.table import Column

        # In a log file, each refresh of a bar would leave a line.
        shown = self._console.is_terminal or self._console.is_jupyter
        # A narrow terminal shortens the bar and the description; numbers and times are never cut.
        columns = (
            _description_column(),
            bars.BarColumn(),
            *(
                column(table_column=Column(no_wrap=True))
                for column in (bars.MofNCompleteColumn, bars.TimeElapsedColumn, bars.TimeRemainingColumn)
            ),
        )
        with bars.Progress(*columns, console=self._console, transient=True, disable=not shown) as display:
            task = display.add_task(visible(description), total=total)

            class _Bar:
                def advance(self, steps: float = 1) -> None:
                    display.advance(task, steps)

                def describe(self, text: str) -> None:
                    display.update(task, description=visible(f"{description} · {text}"))

            yield _Bar()

    @override
    def warn(self, text: str) -> None:
        print_warning(text, self._console)

    @override
    def note(self, text: str) -> None:
        self._console.print(visible(text), soft_wrap=True)


def _description_column() -> ProgressColumn:
    from rich import progress as bars
    from rich.table import Column

    class _Description(bars.TextColumn):
        @override
        def render(self, task: bars.Task) -> Text:
            text = super().render(task)
            text.no_wrap, text.overflow = True, "ellipsis"
            return text

    # By default, the column would not shrink.
    return _Description("{task.description}", markup=False, table_column=Column(no_wrap=False))


class _PlainConsole(Console):
    @override
    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*map(_visible, objects), **options)

    @override
    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        # The last step of everything that a console shows, tables and bars too. So nothing can bypass `visible`.
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def plain_console(*, stderr: bool = False, file: IO[str] | None = None, width: int | None = None) -> Console:
    """Return a console that prints text as it is, without colour if it prints to a file.

    Names and paths of users can contain ``[brackets]``, ``:colons:`` and control characters. The console reads no
    markup and no emoji codes, colours no numbers, and shows control characters by their codes.
    """
    plain: dict[str, Any] = {} if file is None else {"color_system": None, "force_terminal": False}
    return _PlainConsole(stderr=stderr, file=file, width=width, markup=False, emoji=False, highlight=False, **plain)


def _visible(printable: Any) -> Any:
    if isinstance(printable, str):
        return visible(printable)
    if isinstance(printable, Text) and visible(printable.plain) != printable.plain:
        return Text(visible(printable.plain), style=printable.style)
    return printable


def print_line(text: object, *, stderr: bool = False) -> None:
    """Print one line of any length, as :func:`plain_console` does, without breaking it."""
    plain_console(stderr=stderr).print(str(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a plain JSON value on stdout. No terminal obeys its text, and a program reads the same value."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def print_table_text(text: str) -> None:
    """Print a table for a program, such as CSV, on stdout: exactly, but a terminal shows control characters."""
    sys.stdout.write(visible(text) if sys.stdout.isatty() else text)


def print_warning(text: str, console: Console) -> None:
    """Print one warning."""
    console.print(Text.assemble(("warning:", "yellow"), " ", visible(text)), soft_wrap=True)


def print_error(error: ReidbenchError, console: Console) -> None:
    """Print an error: what happened, where, and what to do."""
    console.print(Text.assemble(("error:", "bold red"), " ", visible(error.message)), soft_wrap=True)
    if error.where:
        console.print(f"  where:  {error.where}", soft_wrap=True)
    if error.remedy:
        console.print(f"  remedy: {error.remedy}", soft_wrap=True)
