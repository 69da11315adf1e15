"""Progress as a method sees it: begin a stage, advance it. The command line draws it, tests ignore it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console

from reidbench.errors import ReidbenchError


class Stage(Protocol):
    """One bar: a stage of known length."""

    def advance(self, steps: float = 1) -> None: ...

    def describe(self, text: str) -> None: ...


class Progress:
    """Says nothing. Subclasses draw; methods only ever see this interface."""

    @contextmanager
    def stage(self, description: str, total: float) -> Iterator[Stage]:
        """Open a bar of ``total`` steps for the duration of the ``with`` block."""
        yield _SilentStage()

    def warn(self, text: str) -> None:
        """Say something that a user should see while the run goes on."""


class _SilentStage:
    def advance(self, steps: float = 1) -> None:
        pass

    def describe(self, text: str) -> None:
        pass


class RichProgress(Progress):
    """Bars with rate and time left, on stderr; works in terminals and notebooks."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def stage(self, description: str, total: float) -> Iterator[Stage]:
        from rich import progress as bars

        # A log file is no place for bars: each refresh would leave a line.
        shown = self._console.is_terminal or self._console.is_jupyter
        columns = (
            bars.TextColumn("{task.description}"),
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

    def warn(self, text: str) -> None:
        self._console.print(f"[yellow]warning:[/yellow] {text}", highlight=False)


def print_error(error: ReidbenchError, console: Console) -> None:
    """Print one message without a traceback; text of the user's is never read as markup."""
    console.print("[bold red]error:[/bold red] ", end="")
    console.print(error.message, markup=False, soft_wrap=True)
    if error.where:
        console.print(f"  where:  {error.where}", markup=False, soft_wrap=True)
    if error.remedy:
        console.print(f"  remedy: {error.remedy}", markup=False, soft_wrap=True)
