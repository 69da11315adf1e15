"""The error that a user can correct.

:class:`ReidbenchError` is for a file, an option or weights that the user can change. The command line prints it as one
message and ends with exit code 1. A mistake in the code itself is a plain ``ValueError`` with its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ReidbenchError(Exception):
    """Something that the user can correct.

    Args:
        message: What happened, to which value.
        where: The file, row or option; empty if there is no single place.
        remedy: What to do, as a command or an instruction.
    """

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)


class LoadError(ReidbenchError):
    """The plugin of a method can't be loaded."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'sift'?"`` for the nearest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else ""
