"""Result of the blindness tests as a record keeps it; :mod:`reidbench.running.blindness` makes the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from reidbench.records.migrations import UNTESTED

Status = Literal["blind", "transductive", "differs", "untested"]

TOLD: Final[Mapping[str, str]] = {
    "labels": "other labels and file names",
    "order": "another order of queries",
    "others": "leaving other queries out",
    "batch": "another batch size",
    "together": "all changes together",
    "repeat": "nothing but asking again",
}
"""What a test changes, by the name of the test, in the words of tables."""


@dataclass(frozen=True, slots=True)
class Blindness:
    """Result of the tests of one run.

    Attributes:
        status: ``blind``; ``differs`` if a change altered predictions; ``transductive`` if the method declares itself
            so; ``untested``.
        n_query: Number of queries that were predicted again.
        largest: Largest difference of a score with all changes together; ``None`` if nothing was predicted again.
        differences: What changed in the predictions, by the name of the test.
        seconds: Duration of the tests.
    """

    status: Status
    n_query: int = 0
    largest: float | None = None
    differences: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def told(self) -> str:
        """The differences in words; empty for a method without differences."""
        return "; ".join(f"{TOLD[name]}: {what}" for name, what in self.differences.items())

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return dict(UNTESTED) if self.status == "untested" else asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Blindness:
        """Read what :meth:`to_json` wrote."""
        return cls(**data)
