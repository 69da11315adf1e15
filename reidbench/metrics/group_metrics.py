"""The values of all metrics, of one group or of a whole episode."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any


class GroupMetrics(Mapping[str, float]):
    """The metrics of one group, or of all groups together, by name.

    A metric is an item and an attribute: ``metrics["auroc"]`` is ``metrics.auroc``. Rates lie in [0, 1] and counts are
    whole numbers. A value that is undefined is ``nan``, and ``reasons`` says why.

    Attributes:
        reasons: Why a metric is undefined, by its name.
        left_out: Why the overall score leaves a group out, by the group's name.

    Example:
        >>> metrics = GroupMetrics({"baks": 0.75, "auroc": float("nan")}, {"auroc": "needs scores"})
        >>> metrics.baks, metrics.to_json()["auroc"]
        (0.75, None)
    """

    __slots__ = ("_values", "left_out", "reasons")

    # The metrics that reidbench itself reads by attribute, for type checkers.
    score: float
    baks: float
    baus: float
    rank1: float
    balanced_rank1: float
    oracle_score: float
    regret: float

    def __init__(
        self,
        values: Mapping[str, float],
        reasons: Mapping[str, str] | None = None,
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        """Hold values and reasons.

        Args:
            values: Value of each metric, in the order of the record.
            reasons: Why a metric is undefined, by its name.
            left_out: Why the overall score leaves a group out, by the group's name.

        Raises:
            ValueError: A value is ``nan`` without a reason, or has a reason and is not ``nan``.
        """
        self._values = dict(values)
        self.reasons: Mapping[str, str] = dict(reasons or {})
        self.left_out: Mapping[str, str] = dict(left_out or {})
        for name, value in self.items():
            undefined = math.isnan(value)
            if undefined != (name in self.reasons):
                raise ValueError(f"{name} is {value} but " + ("has no reason" if undefined else "has one"))

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> float:
            """Return a metric by its name."""
            if not name.startswith("_") and name in self._values:
                return self._values[name]
            raise AttributeError(f"there is no metric '{name}'")

    def __repr__(self) -> str:
        return f"GroupMetrics({self._values!r})"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, ``None`` for an undefined metric, with ``reasons`` and ``left_out``."""
        values = {name: None if math.isnan(value) else value for name, value in self.items()}
        return {**values, "reasons": dict(self.reasons), "left_out": dict(self.left_out)}


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeMetrics:
    """The metrics of an episode.

    Attributes:
        overall: Metrics of all queries together.
        groups: Metrics of each group, by its name.
    """

    overall: GroupMetrics
    groups: Mapping[str, GroupMetrics]

    def to_json(self) -> dict[str, Any]:
        """Return ``{"overall": {...}, "groups": {group: {...}}}`` of plain JSON values."""
        return {
            "overall": self.overall.to_json(),
            "groups": {name: metrics.to_json() for name, metrics in self.groups.items()},
        }
