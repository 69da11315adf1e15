"""The one exception that a user can act on.

A broken contract inside the code stays a plain ``ValueError`` with its traceback; what a user can
mend (a file, an option, a missing weight) is a :class:`ReidbenchError`, printed by the command line
as one message and exit code 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ReidbenchError(Exception):
    """Something the user can mend: what happened, where, and what to do.

    Args:
        message: What happened, to which value.
        where: File, row or option concerned; empty when there is no one place.
        remedy: What to do about it, as a command or an instruction.
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
    """A method was asked for and its plugin can't be loaded."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'sift'?"`` for the nearest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else ""
