"""How a metric is declared: its name, what it needs and how it is computed.

A new metric is a file in this package with one :class:`MetricSpec`, and one entry in
:data:`reidbench.metrics.builtin.METRICS`. Records, tables, the report and ``score`` take it from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers
from reidbench.metrics.group_metrics import GroupMetrics

EmptySide = Literal["null", "zero"]
"""How a side (the known or the unknown queries) counts if it has no queries: as undefined, or as 0 as in AnimalCLEF."""


@dataclass(frozen=True, eq=False)
class Queries:
    """The queries that a metric is computed on: those of one group, or of all groups together.

    Attributes:
        true: True identities; for a new animal the hidden one, ``(n_query,)`` strings.
        known: Whether the identity is in the gallery, ``(n_query,)``.
        group: Group of each query, ``(n_query,)`` strings.
        predicted: An identity or ``NEW_IDENTITY``, ``(n_query,)`` strings.
        code: A number for each query's identity; one name in two groups is two animals, ``(n_query,)``.
        gallery_identities: Number of identities in each group's gallery; groups may be absent.
        answers: Candidates and scores of the queries; ``None`` if there are predictions only.
        empty_side: ``null`` leaves a side without queries undefined, ``zero`` counts it as 0.
        counted: Metrics of the groups that the score averages, by name; ``None`` if these queries are of one group.
    """

    true: NDArray[Any]
    known: NDArray[np.bool_]
    group: NDArray[Any]
    predicted: NDArray[Any]
    code: NDArray[np.int64]
    gallery_identities: Mapping[str, int]
    answers: Answers | None
    empty_side: EmptySide = "null"
    counted: Mapping[str, GroupMetrics] | None = None
    _values: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.empty_side not in ("null", "zero"):
            raise ValueError(f"empty_side is {self.empty_side!r}, not 'null' or 'zero'")

    def __len__(self) -> int:
        return len(self.true)

    def of_group(self, name: str) -> Queries:
        """Return the queries of one group."""
        rows = self.group == name
        return replace(
            self,
            true=self.true[rows],
            known=self.known[rows],
            group=self.group[rows],
            predicted=self.predicted[rows],
            code=self.code[rows],
            answers=None if self.answers is None else self.answers.take(rows),
        )

    @property
    def group_names(self) -> list[str]:
        """Names of the groups that the queries are of, sorted."""
        return [str(name) for name in np.unique(self.group)]

    @cached_property
    def named(self) -> NDArray[np.int64]:
        """Positions of the correct identity among the candidates of each known query, ``(n_known, K)``.

        The entry is the query's ``code`` if the candidate is correct and has a score, else -1.
        """
        answers = self.scored
        right = np.asarray(answers.candidates[self.known] == self.true[self.known, None], dtype=bool)
        right &= answers.scores[self.known] > -np.inf
        return np.where(right, self.code[self.known, None], -1)

    @property
    def scored(self) -> Answers:
        """Candidates and scores of the queries, for a metric that needs ``SCORES``.

        Raises:
            ValueError: There are predictions only.
        """
        if self.answers is None:
            raise ValueError("these queries have no scores: add SCORES to the needs of the metric")
        return self.answers

    def value(self, metric: MetricSpec) -> float:
        """Return a metric of these queries, computed once; ``nan`` if it is undefined."""
        if metric.name not in self._values:
            self._values[metric.name] = math.nan if metric.reason(self) else metric.measure(self)
        return self._values[metric.name]


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the queries must have for a metric to be defined.

    Attributes:
        name: A short name for the docs.
        lacks: Returns why the queries lack it, or an empty string if they have it.
    """

    name: str
    lacks: Callable[[Queries], str]


@dataclass(frozen=True, slots=True)
class LeaderboardColumn:
    """Where the leaderboard shows a metric.

    Attributes:
        position: Columns are in rising order of their positions.
        optional: 0 for a column that is always shown. Of the others, a narrow terminal leaves out the one with the
            highest number first.
    """

    position: int
    optional: int


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric: its name, what it needs and how it is computed.

    Attributes:
        name: Key in ``run.json``, JSON and CSV; a Python identifier.
        title: Heading of its column.
        summary: One sentence that defines it, for ``docs/protocol.md``.
        needs: The needs of the metric. If the queries lack one, the value is undefined, with the reason of the first
            need that is not met.
        compute: Returns the value for the queries of one group; called only if all needs are met.
        over_groups: Returns the value over all groups from the metrics of those that the score averages. Without it,
            ``compute`` gets the queries of all groups together.
        lower_is_better: Whether the lowest value of a column is the best.
        column: Where the leaderboard shows it; ``None`` if only csv and json have it.
        by_group: Whether tables of groups show it.
        in_every_row: Whether each row of csv and json has its key, null if the runs lack it. Otherwise the key
            comes after all such keys, and only if the runs have it.
        redefined: Version of reidbench that changed the definition, such as ``0.2.0``; empty if there was no change.
            A repetition does not compare values of both definitions.
    """

    name: str
    title: str
    summary: str
    needs: tuple[Need, ...]
    compute: Callable[[Queries], float]
    over_groups: Callable[[Sequence[GroupMetrics]], float] | None = None
    lower_is_better: bool = False
    column: LeaderboardColumn | None = None
    by_group: bool = False
    in_every_row: bool = True
    redefined: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or hasattr(GroupMetrics, self.name):
            raise ValueError(f"a metric can't be called {self.name!r}: its name is an attribute of GroupMetrics")

    def reason(self, queries: Queries) -> str:
        """Return why the metric is undefined for these queries; empty if it is defined."""
        return next((reason for need in self.needs if (reason := need.lacks(queries))), "")

    def measure(self, queries: Queries) -> float:
        """Return the value for queries that meet all needs; a count is an ``int``."""
        if queries.counted is None or self.over_groups is None:
            value = self.compute(queries)
        else:
            value = self.over_groups(list(queries.counted.values()))
        return int(value) if isinstance(value, int | np.integer) else float(value)


def candidates(k: int) -> Need:
    """Return the need for the best ``k`` candidates of each query, or for as many as the gallery has identities."""

    def lacks(queries: Queries) -> str:
        if queries.answers is None:
            return SCORES.lacks(queries)
        n_kept = queries.answers.scores.shape[1]
        enough = all(queries.gallery_identities.get(name, k) <= n_kept for name in queries.group_names)
        return "" if n_kept >= k or enough else f"fewer than {k} candidates of each query were kept"

    return Need("1 candidate" if k == 1 else f"{k} candidates", lacks)


def _no_known(queries: Queries) -> str:
    return "" if queries.known.any() else "no known queries" if len(queries) else "no queries"


def _no_unknown(queries: Queries) -> str:
    return "" if not queries.known.all() else "no unknown queries" if len(queries) else "no queries"


def _no_known_side(queries: Queries) -> str:
    return "" if queries.empty_side == "zero" else _no_known(queries)


def _no_unknown_side(queries: Queries) -> str:
    return "" if queries.empty_side == "zero" else _no_unknown(queries)


def _no_counted_group(queries: Queries) -> str:
    if queries.counted:
        return ""
    empty = _no_known_side(queries) or _no_unknown_side(queries)
    if empty or queries.counted is None:
        return empty
    return "no group has both known and unknown queries" if len(queries) else "no queries"


def _no_scores(queries: Queries) -> str:
    return "needs scores" if queries.answers is None else ""


def _no_gallery_counts(queries: Queries) -> str:
    names = queries.group_names if queries.counted is None else queries.counted
    missing = any(queries.gallery_identities.get(name, 0) < 1 for name in names)
    return "needs the number of identities in the gallery" if missing else ""


KNOWN = Need("known queries", _no_known)
UNKNOWN = Need("unknown queries", _no_unknown)
KNOWN_SIDE = Need("known queries", _no_known_side)
"""Known queries, unless an empty side counts as 0."""
UNKNOWN_SIDE = Need("unknown queries", _no_unknown_side)
"""Unknown queries, unless an empty side counts as 0."""
COUNTED_GROUP = Need("known and unknown queries in a group", _no_counted_group)
"""Known and unknown queries; over all groups, at least one group that has both."""
SCORES = Need("scores", _no_scores)
GALLERY_COUNTS = Need("the number of identities in the gallery", _no_gallery_counts)
"""The number for each group that the score averages."""
