"""A check of the conformance kit, its outcome, and the decorator that collects the checks of a topic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from reidbench.testing.method_under_test import MethodUnderTest

Verdict = Literal["passed", "failed", "not applicable"]
Judge = Callable[["MethodUnderTest"], str | None]


class NotApplicable(Exception):
    """Raised by a check that does not apply to a method; its text gives the reason."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule for methods and the test of it.

    Attributes:
        name: Name of the check, as given to ``--only``.
        topic: Group of the check in tables.
        reason: Why the rule exists.
        remedy: How to correct a method that fails the check.
        needs: Names of checks that must pass before this one is made.
        judge: Tests a method; returns what is wrong, or ``None`` if nothing is.
    """

    name: str
    topic: str
    reason: str
    remedy: str
    needs: tuple[str, ...]
    judge: Judge

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one check.

    Attributes:
        check: The check.
        verdict: ``passed``, ``failed`` or ``not applicable``.
        difference: The fault, or the reason why the check does not apply; empty if it passed.
        remedy: How to correct the method; empty unless the check failed.
        seconds: Duration in seconds.
        blocked: Whether the check was not made because a check that it needs failed.
    """

    check: Check
    verdict: Verdict
    difference: str = ""
    remedy: str = ""
    seconds: float = 0.0
    blocked: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values; an empty text is ``None``."""
        return {
            "check": self.check.name,
            "topic": self.check.topic,
            "verdict": self.verdict,
            "difference": self.difference or None,
            "remedy": self.remedy or None,
            "seconds": round(self.seconds, 3),
        }


class Topic:
    """Collects the checks of one module, in the order of their definition."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks: list[Check] = []

    def check(self, *, reason: str, remedy: str, needs: tuple[str, ...] = ()) -> Callable[[Judge], Judge]:
        """Return a decorator that makes a check from a function; the check has the name of the function."""

        def collect(judge: Judge) -> Judge:
            self.checks.append(Check(judge.__name__, self.name, reason, remedy, needs, judge))
            return judge

        return collect
