"""What a threshold policy gets and gives.

A policy sees the calibration episode, and where it asks for them the gallery's trials against itself; the
thresholds it returns are applied to test unchanged. A policy may look at more than the best score: whatever
it looks at, its rule is written as the lowest best score at which a query counts as known.
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
    """How a query moves its own threshold: ``threshold + second * second_score + log_size * log(n_identities)``.

    Attributes:
        second: Weight of the second candidate's score, in [0, 1): the nearer the runner-up, the more is asked.
        log_size: Weight of the natural logarithm of the number of identities searched.
        no_second: What stands for the second score of a query that has one candidate.
    """

    second: float
    log_size: float
    no_second: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.second, self.log_size, self.no_second))):
            raise ValueError(f"an adjustment is not finite: {self}")

    def of(self, answers: Answers) -> NDArray[np.float64]:
        """Return what each query adds to its group's threshold, ``(n_query,)``."""
        second = answers.second_score
        second = np.where(second > -np.inf, second, self.no_second)
        size = np.array([max(answers.gallery_identities.get(str(name), 1), 1) for name in answers.group])
        return np.asarray(self.second * second + self.log_size * np.log(size), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The lowest best score at which a query counts as known, by group; ties accept.

    Attributes:
        policy: The text that asked for it, such as ``max-score:group``.
        values: Threshold of each group of the calibration episode.
        pooled: Whether one value serves every group.
        notes: What a reader should know: groups that were given another's value, and why.
        value: Threshold of a group that ``values`` does not name; ``None`` when there is no such value.
        adjustment: How each query moves its group's threshold; ``None`` when all queries of a group share it.
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
        """Return the threshold of each query from its group alone, ``(n_query,)``.

        Raises:
            ReidbenchError: A group has no threshold.
        """
        names, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
        limits = np.empty(len(names))
        for i, name in enumerate(names):
            limit = self.values.get(str(name), self.value)
            if limit is None:
                raise ReidbenchError(
                    f"group '{name}' has no threshold: it is not in the calibration episode",
                    where=f"--threshold {self.policy}",
                    remedy="give it calibration queries, or choose one threshold for all groups: --threshold max-score",
                )
            limits[i] = limit
        return limits[place]

    def to_json(self) -> dict[str, Any]:
        """Return the record kept in ``run.json``; an infinite threshold is the text ``inf`` or ``-inf``."""
        return {
            "policy": self.policy,
            "pooled": self.pooled,
            "value": _written(self.value),
            "values": {name: _written(value) for name, value in self.values.items()},
            "adjustment": None if self.adjustment is None else asdict(self.adjustment),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Thresholds:
        """Read what :meth:`to_json` wrote."""
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
    """Chooses thresholds on a calibration episode; deterministic."""

    @property
    def text(self) -> str:
        """How this policy is written on the command line."""

    @property
    def needs_gallery(self) -> bool:
        """Whether it looks at the gallery's trials against itself; a run then makes them."""

    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Choose thresholds from the calibration episode's answers.

        Args:
            answers: The calibration episode.
            gallery: The gallery's trials against itself, where the run made them.

        Raises:
            ReidbenchError: The episode does not hold what the policy needs.
        """


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """How a plugin offers a threshold policy.

    Attributes:
        name: What ``--threshold`` takes.
        summary: One line for help and tables.
        make: Makes the policy from the texts after ``=`` and after ``:``, ``None`` where there is none.
        tried: Texts that ``--threshold all`` tries.
    """

    name: str
    summary: str
    make: Callable[[str | None, str | None], Policy]
    tried: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set("=:/ "):
            raise ValueError(f"a policy can't be called {self.name!r}: '=', ':', '/' and spaces part its text")


def _written(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)  # JSON has no infinity
