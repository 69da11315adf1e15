"""What a threshold policy gets and gives.

A policy sees the calibration episode only; the thresholds it returns are applied to test unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reidbench.errors import ReidbenchError
from reidbench.metrics.answers import Answers


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The lowest best score at which a query counts as known, by group; ties accept.

    Attributes:
        policy: The text that asked for it, such as ``max-score:group``.
        values: Threshold of each group of the calibration episode.
        pooled: Whether one value serves every group.
        notes: What a reader should know: groups that were given another's value, and why.
        value: Threshold of a group that ``values`` does not name; ``None`` when there is no such value.
    """

    policy: str
    values: Mapping[str, float]
    pooled: bool
    notes: tuple[str, ...] = field(default=())
    value: float | None = None

    def __post_init__(self) -> None:
        for name, value in {**self.values, "": self.value}.items():
            if value is not None and math.isnan(value):
                raise ValueError(f"the threshold of group {name!r} is nan")

    def of(self, groups: ArrayLike) -> NDArray[np.float64]:
        """Return the threshold of each query from its group, ``(n_query,)``.

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
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Thresholds:
        """Read what :meth:`to_json` wrote."""
        value = data["value"]
        return cls(
            policy=data["policy"],
            values={name: float(number) for name, number in data["values"].items()},
            pooled=data["pooled"],
            notes=tuple(data["notes"]),
            value=None if value is None else float(value),
        )


class Policy(Protocol):
    """Chooses thresholds on a calibration episode; deterministic."""

    @property
    def text(self) -> str:
        """How this policy is written on the command line."""

    def choose(self, answers: Answers) -> Thresholds:
        """Choose thresholds from the calibration episode's answers.

        Raises:
            ReidbenchError: The episode does not hold what the policy needs.
        """


def _written(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)  # JSON has no infinity
