"""The policies that reidbench brings, offered through the hook that plugins use."""

from __future__ import annotations

import pluggy

from reidbench.thresholds.base import PolicySpec
from reidbench.thresholds.fixed import Fixed
from reidbench.thresholds.max_score import MaxScore

hookimpl = pluggy.HookimplMarker("reidbench")


@hookimpl
def reidbench_threshold_policies() -> list[PolicySpec]:
    return [
        PolicySpec("fixed", "a value set by hand", Fixed.parse),
        PolicySpec(
            "max-score",
            "the highest score on calibration",
            MaxScore.parse,
            ("max-score", "max-score:group", "max-score:shrunk"),
        ),
    ]
