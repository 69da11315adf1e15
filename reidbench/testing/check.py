"""What a check is, what it may answer, and how the checks of one topic are collected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from reidbench.testing.method_under_test import MethodUnderTest

Verdict = Literal["passed", "failed", "not applicable"]
Judge = Callable[["MethodUnderTest"], str | None]


class NotApplicable(Exception):
    """Raised by a check that has nothing to judge here; its text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a method is held to.

    Attributes:
        name: What ``--only`` takes.
        topic: What it is about, as tables group it.
        reason: What would go wrong without it.
        remedy: What to do when it fails.
        needs: Checks that have to pass before this one can be judged.
        judge: Returns what differed, or ``None`` when all is well.
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
    """What one check found.

    Attributes:
        check: The check.
        verdict: ``passed``, ``failed`` or ``not applicable``.
        difference: What differed from what was expected, or why nothing was judged; empty when it passed.
        remedy: What to do about it; empty unless it failed.
        seconds: What it took.
        blocked: Nothing was judged because an earlier check failed.
    """

    check: Check
    verdict: Verdict
    difference: str = ""
    remedy: str = ""
    seconds: float = 0.0
    blocked: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.check.name,
            "topic": self.check.topic,
            "verdict": self.verdict,
            "difference": self.difference or None,
            "remedy": self.remedy or None,
            "seconds": round(self.seconds, 3),
        }


class Topic:
    """Collects the checks of one module, in the order in which they stand there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.checks: list[Check] = []

    def check(self, *, reason: str, remedy: str, needs: tuple[str, ...] = ()) -> Callable[[Judge], Judge]:
        """Make a check of a function; its name is the check's."""

        def collect(judge: Judge) -> Judge:
            self.checks.append(Check(judge.__name__, self.name, reason, remedy, needs, judge))
            return judge

        return collect
