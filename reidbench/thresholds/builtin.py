"""The policies of reidbench, offered through the same hook as those of plugins."""

from __future__ import annotations

import pluggy

from reidbench.thresholds.base import PolicySpec
from reidbench.thresholds.conformal import Conformal
from reidbench.thresholds.evt import Evt
from reidbench.thresholds.fixed import Fixed
from reidbench.thresholds.fpir import Fpir
from reidbench.thresholds.leave_identity_out import LeaveIdentityOut
from reidbench.thresholds.mad import Mad
from reidbench.thresholds.margin import Margin
from reidbench.thresholds.max_score import MaxScore
from reidbench.thresholds.max_score_averaged import MaxScoreBagged, MaxScoreFolds
from reidbench.thresholds.mixture import Mixture

hookimpl = pluggy.HookimplMarker("reidbench")


def _scopes(*texts: str) -> tuple[str, ...]:
    return tuple(text + scope for text in texts for scope in ("", ":group", ":shrunk"))


@hookimpl
def reidbench_threshold_policies() -> list[PolicySpec]:
    """Return the policies of reidbench."""
    return [
        PolicySpec("fixed", "a value set by hand", Fixed.parse),
        PolicySpec("max-score", "the highest score on calibration", MaxScore.parse, _scopes("max-score")),
        PolicySpec(
            "max-score-folds",
            "the mean of max-score over folds, each left out once",
            MaxScoreFolds.parse,
            _scopes("max-score-folds"),
        ),
        PolicySpec(
            "max-score-bagged",
            "the mean of max-score over reweighted identities",
            MaxScoreBagged.parse,
            _scopes("max-score-bagged"),
        ),
        PolicySpec(
            "fpir",
            "a largest share of unknown calibration queries accepted",
            Fpir.parse,
            _scopes("fpir=0.05", "fpir=0.1"),
        ),
        PolicySpec(
            "conformal",
            "a bound on the probability that a new animal is accepted",
            Conformal.parse,
            ("conformal=0.05", "conformal=0.1", "conformal=0.2"),
        ),
        PolicySpec("evt", "a share of impostor scores, from a fitted tail", Evt.parse, _scopes("evt=0.05", "evt=0.1")),
        PolicySpec(
            "mixture", "the crossing of two fitted distributions, without labels", Mixture.parse, _scopes("mixture")
        ),
        PolicySpec("mad", "robust deviations above the median impostor score", Mad.parse, _scopes("mad=1", "mad=2")),
        PolicySpec("margin", "a logistic rule on best score, lead and gallery size", Margin.parse, _scopes("margin")),
        PolicySpec(
            "leave-identity-out",
            "the highest score over the gallery itself",
            LeaveIdentityOut.parse,
            _scopes("leave-identity-out"),
        ),
    ]
