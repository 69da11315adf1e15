"""The oracle: the score with each group's best threshold in hindsight, and what a rule lost to it.

There is one definition for every rule, page and command. The oracle puts one threshold on the best scores of a group's
test queries, without any adjustment. A rule that moves the threshold from query to query is not bound to one threshold,
so it can score higher: its regret is then below 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reidbench.metrics.group_metrics import GroupMetrics
from reidbench.metrics.open_set import SCORE, mean_of_defined
from reidbench.metrics.spec import COUNTED_GROUP, SCORES, LeaderboardColumn, MetricSpec, Queries
from reidbench.metrics.sweep import ThresholdSweep, threshold_sweep

SAME_SCORE = 1e-12
"""Two scores that are closer than this are equal: the sum of the same rates in another order differs by less."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """The best threshold of one group in hindsight.

    Attributes:
        threshold: The highest of the best thresholds; ``nan`` if the score is undefined.
        score: Score at this threshold; ``nan`` without known or without unknown queries.
    """

    threshold: float
    score: float


def oracle_of(sweep: ThresholdSweep) -> Oracle:
    """Return the best threshold of a group and its score.

    Args:
        sweep: The sweep over the best scores of the group's test queries, without an adjustment.

    Example:
        >>> oracle_of(threshold_sweep([0.9, 0.7, 0.5], [True, False, True], [True, False, True], [0, 1, 2]))
        Oracle(threshold=0.8, score=0.7071067811865476)
    """
    if not np.isfinite(sweep.score).all():
        return Oracle(math.nan, math.nan)
    place = int(np.argmax(sweep.score))
    return Oracle(float(sweep.thresholds[place]), float(sweep.score[place]))


def regret_of(oracle_score: float, score: float) -> float:
    """Return ``oracle_score - score``; below 0 if a rule that moves the threshold by query beats the oracle.

    Args:
        oracle_score: The oracle's score, ``nan`` if undefined.
        score: Score of the predictions, ``nan`` if undefined.

    Example:
        >>> regret_of(0.75, 1.0), regret_of(0.1 + 0.2, 0.3)
        (-0.25, 0.0)
    """
    lost = oracle_score - score
    return 0.0 if abs(lost) < SAME_SCORE else lost


def _oracle_score(queries: Queries) -> float:
    answers = queries.scored
    score = oracle_of(threshold_sweep(answers.best_score, answers.correct, queries.known, queries.code)).score
    return 0.0 if math.isnan(score) else score  # nan: an empty side that counts as 0


def _oracle_over_groups(groups: Sequence[GroupMetrics]) -> float:
    return mean_of_defined([each.oracle_score for each in groups])


_ONE_DEFINITION = "0.2.0"  # before, the oracle of a policy that moves the threshold by query moved with it

ORACLE_SCORE = MetricSpec(
    "oracle_score",
    "oracle",
    "the score with each group's best threshold on the best scores of its test queries, chosen in hindsight; the same "
    "for every policy",
    needs=(COUNTED_GROUP, SCORES),
    compute=_oracle_score,
    over_groups=_oracle_over_groups,
    column=LeaderboardColumn(90, 12),
    redefined=_ONE_DEFINITION,
)
REGRET = MetricSpec(
    "regret",
    "regret",
    "`oracle_score` − `score`: what the chosen threshold lost; lower is better; below 0 if a policy that moves the "
    "threshold by query beats the oracle",
    needs=(COUNTED_GROUP, SCORES),
    compute=lambda queries: regret_of(queries.value(ORACLE_SCORE), queries.value(SCORE)),
    over_groups=lambda groups: regret_of(_oracle_over_groups(groups), mean_of_defined([each.score for each in groups])),
    lower_is_better=True,
    column=LeaderboardColumn(100, 6),
    redefined=_ONE_DEFINITION,
)
