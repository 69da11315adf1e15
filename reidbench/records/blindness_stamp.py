"""Result of the blindness tests as a record keeps it; :mod:`reidbench.running.blindness` makes the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from reidbench.records.json_object import JsonObject

Status = Literal["blind", "transductive", "differs", "untested"]

TESTED: Final[Mapping[str, str]] = {
    "labels": "other labels and file names",
    "order": "another order of queries",
    "others": "leaving other queries out",
    "batch": "another batch size",
    "together": "all changes together",
    "repeat": "a repetition without any change",
}
"""The change that each test makes, by the name of the test, as tables print it."""


class Blindness(JsonObject):
    """Result of the blindness tests of one run."""

    status: Status
    """`blind`, `differs` (a change altered predictions), `transductive` (declared by the method) or `untested`."""
    n_query: int = 0
    """Number of queries that were predicted again."""
    largest: float | None = None
    """Largest change of a score in the test that makes all changes together; null if nothing was predicted again."""
    differences: Mapping[str, str] = {}
    """How predictions changed, by the name of the test."""
    seconds: float = 0.0
    """Duration of the tests."""

    @property
    def summary(self) -> str:
        """The differences in words; empty for a method without differences."""
        return "; ".join(f"{TESTED.get(name, name)}: {what}" for name, what in self.differences.items())
