"""What most policies share: one threshold for all groups, for each group, or for each group drawn to the pooled one.

A policy says how a threshold is found on some queries; the scope says which queries those are. A group
that lacks what the policy needs takes the pooled value, with a note.
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
from reidbench.thresholds.base import Thresholds

Scope = Literal["pooled", "group", "shrunk"]
Side = Literal["known", "unknown"]
SCOPES: tuple[Scope, ...] = ("pooled", "group", "shrunk")

SHRINK_AT = 20
"""Identities at which a group's own threshold and the pooled one weigh the same.

The regret of an arg-max threshold falls from 2.5 points with 10 identities to 0.9 with 50, so a group with
far fewer than 20 knows little of its own threshold, and one with far more knows enough.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """One threshold, and what should be said of it; ``{where}`` in a note becomes the group's name."""

    value: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScopedPolicy(ABC):
    """A policy that finds one threshold on any queries, in one of three scopes.

    Subclasses set ``name`` and ``sides``, and write :meth:`choose_one`. What else they are asked for stands in fields
    that can be hashed.
    """

    name: ClassVar[str]
    sides: ClassVar[tuple[Side, ...]] = ("known", "unknown")
    scopes: ClassVar[tuple[Scope, ...]] = SCOPES
    scope: Scope = "pooled"

    @property
    def argument(self) -> str:
        """The text after ``=``; empty where the policy takes none."""
        return ""

    @property
    def text(self) -> str:
        head = f"{self.name}={self.argument}" if self.argument else self.name
        return head if self.scope == "pooled" else f"{head}:{self.scope}"

    @property
    def needs_gallery(self) -> bool:
        return False

    @classmethod
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Read the texts after ``=`` and ``:``; a subclass that takes a value overrides this.

        Raises:
            ReidbenchError: A value is given, or the scope is another.
        """
        if value is not None:
            raise ReidbenchError(
                f"{cls.name} takes no value, but was given '{value}'",
                where=f"--threshold {cls.name}={value}",
                remedy=f"--threshold {cls.name}, or --threshold fixed={value}",
            )
        return cls(scope=cls.read_scope(scope, cls.name))

    @classmethod
    def read_scope(cls, scope: str | None, head: str) -> Scope:
        """Return the scope that a text names; ``None`` is pooled.

        Raises:
            ReidbenchError: The policy has no such scope.
        """
        for known in cls.scopes:
            if scope in (None, known) or (scope == "per-group" and known == "group"):
                return known
        raise ReidbenchError(
            f"{cls.name} has no scope '{scope}'",
            where=f"--threshold {head}:{scope}",
            remedy="choose one of: "
            + ", ".join(f"{head}:{known}" if known != "pooled" else head for known in cls.scopes),
        )

    def shortage(self, answers: Answers) -> str:
        """Say what queries that have the needed sides still lack, with ``{where}`` for where; empty if nothing."""
        return ""

    @abstractmethod
    def choose_one(self, answers: Answers) -> Choice:
        """Return the threshold for queries of one or several groups, which have the sides that are needed.

        The same in every scope: it is asked once of the same queries, whichever scopes ask.
        """

    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Choose on the calibration episode, in the policy's scope.

        Raises:
            ReidbenchError: There is no known or no unknown query where the policy needs them, or no query
                has a candidate.
        """
        require_sides(answers, self.sides, self.text)
        if shortage := self.shortage(answers):
            raise ReidbenchError(
                f"{shortage.format(where='the calibration episode')}",
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
        """Return what :meth:`choose_one` says, asked once of the same queries."""
        chosen = _CHOSEN.setdefault(answers, {})
        policy = replace(self, scope="pooled")
        if policy not in chosen:
            chosen[policy] = self.choose_one(answers)
        return chosen[policy]

    def _lacks(self, own: Answers) -> str:
        """Return what a group lacks, with ``{where}`` for its name, or an empty string."""
        for side in self.sides:
            if not _side(own, side).any():
                return f"{{where}} has no {side} calibration queries"
        if not (own.best_score > -np.inf).any():
            return "no calibration query of {where} has a candidate"
        return self.shortage(own)

    def _scoped(self, own: float, pooled: float, answers: Answers) -> float:
        if self.scope == "group" or not (math.isfinite(own) and math.isfinite(pooled)):
            return own
        count = min(n_identities(answers, side) for side in self.sides or ("known", "unknown"))
        weight = count / (count + SHRINK_AT)
        return weight * own + (1 - weight) * pooled


_CHOSEN: WeakKeyDictionary[Answers, dict[ScopedPolicy, Choice]] = WeakKeyDictionary()
"""What policies chose on queries that are still at hand; three scopes of one policy ask the same of them."""


def n_identities(answers: Answers, side: Side) -> int:
    """Return the number of identities among the known or the unknown queries."""
    return len(np.unique(answers.identity_code[_side(answers, side)]))


def require_sides(answers: Answers, sides: Iterable[Side], text: str) -> None:
    """Check that an episode has queries of the sides that a policy needs, and any candidate at all.

    Raises:
        ReidbenchError: It has not.
    """
    for side in sides:
        if not _side(answers, side).any():
            raise ReidbenchError(
                f"the calibration episode has no {side} queries, so no threshold can be chosen on it",
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
    """Return the number after ``=``, which lies between ``low`` and ``high``, both excluded.

    Raises:
        ReidbenchError: There is none and no default, or it is out of range.
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


def _side(answers: Answers, side: Side) -> np.ndarray:
    return answers.known if side == "known" else ~answers.known


@dataclass(frozen=True)
class RatePolicy(ScopedPolicy):
    """A policy that is asked for with a rate: ``NAME=RATE``."""

    rate: float = 0.1

    @property
    @override
    def argument(self) -> str:
        return f"{self.rate:g}"

    @classmethod
    @override
    def parse(cls, value: str | None, scope: str | None) -> Self:
        """Read ``NAME=RATE``.

        Raises:
            ReidbenchError: There is no rate between 0 and 1.
        """
        rate = read_number(cls.name, value, default=None, low=0, high=1, what="a rate between 0 and 1", example="0.1")
        return cls(scope=cls.read_scope(scope, f"{cls.name}={value}"), rate=rate)
