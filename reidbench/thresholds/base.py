"""The contract of a threshold policy: its input and its result.

A policy receives the calibration queries and, if it needs them, the gallery trials. The thresholds that it returns are
applied to the test queries unchanged. A policy may use more than the best score, but its result is always the lowest
best score at which a query counts as known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A term that each query adds to its threshold: ``second * second_score + log_size * log(n_identities)``.

    Attributes:
        second: Weight of the second candidate's score, in [0, 1). A close second candidate raises the threshold.
        log_size: Weight of the natural logarithm of the number of identities searched.
        no_second: Value of ``second_score`` for a query with only one candidate.

    Raises:
        ValueError: A value is not finite.
    """

    second: float
    log_size: float
    no_second: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.second, self.log_size, self.no_second))):
            raise ValueError(f"an adjustment is not finite: {self}")

    def of(self, answers: Answers) -> NDArray[np.float64]:
        """Return the term of each query, ``(n_query,)``."""
        second = answers.second_score
        second = np.where(second > -np.inf, second, self.no_second)
        size = np.array([max(answers.gallery_identities.get(str(name), 1), 1) for name in answers.group])
        return np.asarray(self.second * second + self.log_size * np.log(size), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The lowest best score at which a query counts as known, by group; a score equal to it is accepted.

    Attributes:
        policy: Text of the policy, such as ``max-score:group``.
        values: Threshold of each group of the calibration queries.
        pooled: Whether all groups have the same threshold.
        notes: Sentences for the user, such as the reason why a group takes the pooled threshold.
        value: Threshold of a group that is not in ``values``; ``None`` if such a group has no threshold.
        adjustment: Term that each query adds to its threshold; ``None`` if queries of a group share one threshold.

    Raises:
        ValueError: A threshold is ``nan``.
    """

    policy: str
    values: Mapping[str, float]
    pooled: bool
    notes: tuple[str, ...] = field(default=())
    value: float | None = None
    adjustment: Adjustment | None = None

    def __post_init__(self) -> None:
        for name, value in {**self.values, "": self.value}.items():
            if value is not None and math.isnan(value):
                raise ValueError(f"the threshold of group {name!r} is nan")

    def limits(self, answers: Answers) -> NDArray[np.float64]:
        """Return the lowest best score at which each query counts as known, ``(n_query,)``.

        Raises:
            ReidbenchError: A group has no threshold.
        """
        limit = self.of(answers.group)
        return limit if self.adjustment is None else limit + self.adjustment.of(answers)

    def of(self, groups: ArrayLike) -> NDArray[np.float64]:
        """Return the threshold of each query's group, without the adjustment, ``(n_query,)``.

        Args:
            groups: Group of each query, ``(n_query,)``.

        Raises:
            ReidbenchError: A group has no threshold.
        """
        names, code = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
        limits = np.empty(len(names))
        for i, name in enumerate(names):
            limit = self.values.get(str(name), self.value)
            if limit is None:
                raise ReidbenchError(
                    f"group '{name}' has no threshold, because it has no calibration queries",
                    where=f"--threshold {self.policy}",
                    remedy="use a split that gives it calibration queries, or one threshold for all groups: "
                    "--threshold max-score",
                )
            limits[i] = limit
        return limits[code]

    def to_json(self) -> dict[str, Any]:
        """Return the thresholds as JSON for ``run.json``; an infinite threshold is the text ``inf`` or ``-inf``."""
        return {
            "policy": self.policy,
            "pooled": self.pooled,
            "value": _as_json(self.value),
            "values": {name: _as_json(value) for name, value in self.values.items()},
            "adjustment": None if self.adjustment is None else asdict(self.adjustment),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Thresholds:
        """Return the thresholds for a result of :meth:`to_json`."""
        value, adjustment = data["value"], data.get("adjustment")
        return cls(
            policy=data["policy"],
            values={name: float(number) for name, number in data["values"].items()},
            pooled=data["pooled"],
            notes=tuple(data["notes"]),
            value=None if value is None else float(value),
            adjustment=None if adjustment is None else Adjustment(**adjustment),
        )


class Policy(Protocol):
    """A rule that chooses thresholds on the calibration queries; it must be deterministic."""

    @property
    def text(self) -> str:
        """The text of the policy on the command line, such as ``fpir=0.1:group``."""

    @property
    def needs_gallery(self) -> bool:
        """Whether the policy uses the gallery trials; a run with this policy then makes them."""

    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Choose thresholds on the calibration queries.

        Args:
            answers: The calibration queries with their candidates.
            gallery: The gallery trials, if the run made them.

        Raises:
            ReidbenchError: The calibration queries lack something that the policy needs.
        """


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A threshold policy that a plugin offers.

    Attributes:
        name: Name for ``--threshold``.
        summary: A description in one line, for help and tables.
        make: Returns the policy for the text after ``=`` and the text after ``:``, each ``None`` if missing.
        tried: Texts of the policies that ``--threshold all`` tries.

    Raises:
        ValueError: The name is empty or contains ``=``, ``:``, ``/`` or a space.
    """

    name: str
    summary: str
    make: Callable[[str | None, str | None], Policy]
    tried: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set("=:/ "):
            raise ValueError(f"a policy can't be called {self.name!r}: '=', ':', '/' and spaces are not allowed")


def _as_json(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)  # JSON has no infinity
