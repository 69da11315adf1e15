"""The base of most policies, with three scopes: one threshold for all groups, one for each group, or shrunk ones.

A policy defines how a threshold is chosen on some queries, and the scope defines on which queries. A group that lacks
data that the policy needs takes the pooled threshold, with a note.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self
from weakref import WeakKeyDictionary

import numpy as np
from typing_extensions import override

from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Policy, Thresholds

Scope = Literal["pooled", "group", "shrunk"]
Side = Literal["known", "unknown"]
SCOPES: tuple[Scope, ...] = ("pooled", "group", "shrunk")

SHRINK_AT = 20
"""Number of identities at which a group's own threshold and the pooled one have the same weight.

The regret of the threshold with the best calibration score falls from 2.5 points with 10 identities to 0.9 with 50. The
own threshold of a group is therefore uncertain with far fewer than 20 identities, and good enough with far more.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """One threshold with notes; ``{where}`` in a note is replaced by the name of the group."""

    value: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScopedPolicy(Policy, ABC):
    """A policy that chooses one threshold on any queries, in one of three scopes.

    Subclasses set ``name`` and ``sides`` and implement :meth:`choose_one`. A policy with a value stores it in a
    dataclass field whose values can be hashed.
    """

    name: ClassVar[str]
    """Name of the policy."""
    sides: ClassVar[tuple[Side, ...]] = ("known", "unknown")
    """Kinds of queries that the policy needs."""
    scopes: ClassVar[tuple[Scope, ...]] = SCOPES
    """Scopes that the policy has; the first is the default."""
    bounds_new_animals: ClassVar[bool] = False
    """Whether the policy states a largest rate of accepted new animals; its threshold is then never lowered."""
    scope: Scope = "pooled"

    @property
    def argument(self) -> str:
        """The text after ``=``; empty if the policy has no value."""
        return ""

    @property
    @override
    def text(self) -> str:
        head = f"{self.name}={self.argument}" if self.argument else self.name
        return head if self.scope == "pooled" else f"{head}:{self.scope}"

    @property
    @override
    def needs_gallery(self) -> bool:
        return False

    @classmethod
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Return the policy for the texts after ``=`` and ``:``; a subclass with a value overrides this.

        Raises:
            ReidbenchError: A value is given, or the policy has no such scope.
        """
        if value is not None:
            raise ReidbenchError(
                f"{cls.name} has no value, but '{value}' was given",
                where=f"--threshold {cls.name}={value}",
                remedy=f"--threshold {cls.name}, or --threshold fixed={value}",
            )
        return cls(scope=cls.read_scope(scope, cls.name))

    @classmethod
    def read_scope(cls, scope: str | None, head: str) -> Scope:
        """Return the scope for a text; ``None`` is pooled.

        Args:
            scope: The text after ``:``, ``None`` if missing.
            head: The text before ``:``, for messages.

        Raises:
            ReidbenchError: The policy has no such scope.
        """
        for possible in cls.scopes:
            if scope in (None, possible) or (scope == "per-group" and possible == "group"):
                return possible
        raise ReidbenchError(
            f"{cls.name} has no scope '{scope}'",
            where=f"--threshold {head}:{scope}",
            remedy="choose one of: "
            + ", ".join(head if possible == "pooled" else f"{head}:{possible}" for possible in cls.scopes),
        )

    def shortage(self, answers: Answers) -> str:
        """Return what queries with the needed sides still lack, as a sentence; empty if nothing.

        ``{where}`` in the sentence is replaced by the name of the group.
        """
        return ""

    @abstractmethod
    def choose_one(self, answers: Answers) -> Choice:
        """Return the threshold for queries of one or several groups; they have the needed sides.

        The result must not depend on the scope: it is computed once for the same queries and used in all scopes.
        """

    @override
    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Choose thresholds on the calibration queries, in the policy's scope.

        Raises:
            ReidbenchError: There are no known or no unknown queries although the policy needs them, or no query has a
                candidate.
        """
        require_sides(answers, self.sides, self.text)
        if shortage := self.shortage(answers):
            raise ReidbenchError(
                shortage.format(where="the calibration part"),
                where=f"--threshold {self.text}",
                remedy="use a split with a larger calibration part, or another policy: --threshold max-score",
            )
        of_group = answers.by_group
        groups = list(of_group)
        lacking = {name: lack for name, own in of_group.items() if (lack := self._lacks(own))}
        pooled = self._choice(answers)
        values = dict.fromkeys(groups, pooled.value)
        notes: list[str] = []
        if self.scope == "pooled" or len(lacking) == len(groups):
            notes += [note.format(where="all groups together") for note in pooled.notes]
        for name in groups:
            where = f"group '{name}'"
            if name in lacking:
                if len(lacking) < len(groups):
                    notes.append(f"{lacking[name].format(where=where)}: it takes the pooled threshold")
            elif self.scope != "pooled":
                choice = self._choice(of_group[name]) if len(groups) > 1 else pooled
                notes += [note.format(where=where) for note in choice.notes]
                values[name] = self._scoped(choice.value, pooled.value, of_group[name])
        return Thresholds(self.text, values, self.scope == "pooled", tuple(notes), pooled.value)

    def _choice(self, answers: Answers) -> Choice:
        """Return the result of :meth:`choose_one`, computed once for the same queries."""
        choices = _CHOICES.setdefault(answers, {})
        policy = replace(self, scope="pooled")
        if policy not in choices:
            choices[policy] = self.choose_one(answers)
        return choices[policy]

    def _lacks(self, of_group: Answers) -> str:
        """Return what the queries of a group lack, as a sentence with ``{where}`` for its name; empty if nothing."""
        for side in self.sides:
            if not _on_side(of_group, side).any():
                return f"{{where}} has no {side} calibration queries"
        if not (of_group.best_score > -np.inf).any():
            return "no calibration query of {where} has a candidate"
        return self.shortage(of_group)

    def _scoped(self, own: float, pooled: float, answers: Answers) -> float:
        if self.scope == "group" or own == pooled or not (math.isfinite(own) and math.isfinite(pooled)):
            return own  # equal thresholds stay exactly equal: a mean could differ in the last bit
        count = min(n_identities(answers, side) for side in self.sides or ("known", "unknown"))
        weight = count / (count + SHRINK_AT)
        return weight * own + (1 - weight) * pooled


_CHOICES: WeakKeyDictionary[Answers, dict[ScopedPolicy, Choice]] = WeakKeyDictionary()
"""Choices of policies on queries that are still in memory, because the scopes of one policy share them."""


def n_identities(answers: Answers, side: Side) -> int:
    """Return the number of identities among the known or the unknown queries."""
    return len(np.unique(answers.identity_code[_on_side(answers, side)]))


def require_sides(answers: Answers, sides: Iterable[Side], text: str) -> None:
    """Check that the calibration queries have the sides that a policy needs, and a candidate.

    Args:
        answers: The calibration queries with their candidates.
        sides: Kinds of queries that the policy needs.
        text: Text of the policy, for messages.

    Raises:
        ReidbenchError: There are no queries of one side, or no query has a candidate.
    """
    for side in sides:
        if not _on_side(answers, side).any():
            raise ReidbenchError(
                f"the calibration part has no {side} queries, so the policy can't choose a threshold",
                where=f"--threshold {text}",
                remedy="use a split whose calibration part has known and new animals, or --threshold fixed=VALUE "
                "(fixed=-inf accepts every best candidate)",
            )
    if not (answers.best_score > -np.inf).any():
        raise ReidbenchError(
            "no calibration query has a candidate, so no threshold can be chosen",
            where=f"--threshold {text}",
            remedy="check that the groups of the calibration queries have gallery images, or use --gallery all",
        )


def read_number(
    name: str, value: str | None, *, default: float | None, low: float, high: float, what: str, example: str
) -> float:
    """Return the number after ``=`` of a policy.

    Args:
        name: Name of the policy, for messages.
        value: The text after ``=``, ``None`` if missing.
        default: The number if the text is missing; ``None`` if it must not be missing.
        low: The number must be above this.
        high: The number must be below this.
        what: Description of a valid number, for messages.
        example: A valid number, for messages.

    Raises:
        ReidbenchError: The text is missing, not a number or out of range.
    """
    if value is None and default is not None:
        return default
    try:
        number = float(value or "")
    except ValueError:
        number = math.nan
    if not low < number < high:
        raise ReidbenchError(
            f"{name} needs {what}, not '{value or ''}'",
            where=f"--threshold {name}={value or ''}",
            remedy=f"--threshold {name}={example}",
        )
    return number


def _on_side(answers: Answers, side: Side) -> np.ndarray:
    return answers.known if side == "known" else ~answers.known


@dataclass(frozen=True)
class RatePolicy(ScopedPolicy):
    """A policy with a rate in (0, 1): ``NAME=RATE``."""

    rate: float = 0.1

    @property
    @override
    def argument(self) -> str:
        return f"{self.rate:g}"

    @classmethod
    @override
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Return the policy for ``NAME=RATE``.

        Raises:
            ReidbenchError: The rate is missing or not between 0 and 1.
        """
        rate = read_number(cls.name, value, default=None, low=0, high=1, what="a rate between 0 and 1", example="0.1")
        return cls(scope=cls.read_scope(scope, f"{cls.name}={value}"), rate=rate)
