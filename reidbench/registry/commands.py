"""Sub-commands that plugins offer, and the names of reidbench's commands, which they can't use."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_COMMANDS = Path(__file__).parents[1] / "cli" / "commands"


@cache
def own_commands() -> tuple[str, ...]:
    """Return the names of reidbench's commands in alphabetical order.

    They are the names of the modules in ``cli/commands``. The modules are listed, not imported.
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(_COMMANDS)])))


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A sub-command that a plugin offers.

    Attributes:
        name: Name of the command, written after ``reidbench``.
        summary: One line for ``reidbench --help``.
        load: Returns the command, and imports what it needs. The command is a function whose annotated parameters
            typer reads as options and arguments, or a ``typer.Typer`` with further sub-commands.

    Raises:
        ValueError: The name has other characters than lower-case letters, digits and hyphens.

    Example:
        >>> def _load():
        ...     def hello(name: str) -> None:
        ...         print(f"hello {name}")
        ...
        ...     return hello
        >>> CommandSpec("hello", "Greet someone.", _load).name
        'hello'
    """

    name: str
    summary: str
    load: Callable[[], Any]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.name):
            raise ValueError(
                f"a command can't be called {self.name!r}; use lower-case letters, digits and hyphens, "
                "starting with a letter"
            )
