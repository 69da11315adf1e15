"""Sub-commands that plugins offer, and the names that they can't use."""

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
    """Return the names of reidbench's commands in alphabetical order: those of the modules in ``cli/commands``.

    The modules are listed and not imported.
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(_COMMANDS)])))


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """How a plugin offers a sub-command.

    Attributes:
        name: What follows ``reidbench``.
        summary: One line for ``reidbench --help``.
        load: Returns the command when it is asked for: a function whose annotated parameters typer reads as options
            and arguments, or a ``typer.Typer`` with commands of its own. What is heavy is imported here.

    Example:
        >>> def _load():
        ...     def hello(whom: str) -> None:
        ...         print(f"hello {whom}")
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
            raise ValueError(f"a command can't be called {self.name!r}: lower-case letters, digits and hyphens")
