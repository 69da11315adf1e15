"""The score with each group's best threshold, and what the chosen threshold lost to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reidbench.metrics.group_metrics import GroupMetrics
from reidbench.metrics.open_set import SCORE, mean_of_defined
from reidbench.metrics.spec import COUNTED_GROUP, SCORES, Column, MetricSpec, Queries
from reidbench.metrics.sweep import threshold_sweep

SAME_SCORE = 1e-12
"""Two scores that are closer than this are equal: the sum of the same rates in another order differs by less."""


def _oracle_score(queries: Queries) -> float:
    answers = queries.scored
    sweep = threshold_sweep(answers.best_score, answers.correct, queries.known, queries.code)
    best = float(np.nan_to_num(sweep.score, nan=0.0).max())  # nan: an empty side that counts as 0
    score = queries.value(SCORE)
    return score if best < score + SAME_SCORE else best


def _regret_over_groups(groups: Sequence[GroupMetrics]) -> float:
    oracle = mean_of_defined([each.oracle_score for each in groups])
    return max(oracle - mean_of_defined([each.score for each in groups]), 0.0)


ORACLE_SCORE = MetricSpec(
    "oracle_score",
    "oracle",
    "the score with each group's best threshold, chosen on the test scores themselves; an upper bound, not reachable "
    "in practice",
    needs=(COUNTED_GROUP, SCORES),
    compute=_oracle_score,
    over_groups=lambda groups: mean_of_defined([each.oracle_score for each in groups]),
    column=Column(90, 12),
)
REGRET = MetricSpec(
    "regret",
    "regret",
    "`oracle_score` − `score`: what the chosen threshold lost; lower is better",
    needs=(COUNTED_GROUP, SCORES),
    compute=lambda queries: queries.value(ORACLE_SCORE) - queries.value(SCORE),
    over_groups=_regret_over_groups,
    lower_is_better=True,
    column=Column(100, 6),
)
