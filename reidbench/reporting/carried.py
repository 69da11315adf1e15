"""A threshold carried from one dataset to another: what it scores there, and what it loses.

Only the threshold travels: the other run's scores, gallery and test part stay as they are. It makes sense where the
scores of two runs mean the same, so only runs of one method, equal settings, weights and policy are paired.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from reidbench.errors import ReidbenchError
from reidbench.leaderboard.ranking import LeaderboardRow, setup_key
from reidbench.metrics.summary import summarise
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedRun, read_saved_run
from reidbench.reporting.numbers import show


@dataclass(frozen=True, slots=True)
class CarriedThreshold:
    """The mean over paired runs of what a threshold scores on another dataset.

    Attributes:
        method: Name of the method.
        chosen_on: Dataset that the threshold was chosen on.
        applied_to: Dataset that it was applied to.
        n_runs: Number of paired runs: the same split seed and seed on both.
        score: Score with the carried threshold; ``None`` where undefined.
        own_score: Score with the threshold that was chosen there.
        oracle_score: Score with each group's best threshold in hindsight.
        reason: Why the score is undefined.
    """

    method: str
    chosen_on: str
    applied_to: str
    n_runs: int
    score: float | None
    own_score: float | None
    oracle_score: float | None
    reason: str = ""

    @property
    def lost(self) -> float | None:
        """What the carried threshold scores less than the one chosen there; below 0 where it scores more."""
        return None if self.score is None or self.own_score is None else self.own_score - self.score

    @property
    def cells(self) -> list[str]:
        return [
            str(self.n_runs), show(self.score), show(self.own_score), show(self.oracle_score), show(self.lost)
        ]  # fmt: skip


def carried_thresholds(rows: Sequence[LeaderboardRow]) -> list[CarriedThreshold]:
    """Apply each row's thresholds to the rows of the same set-up on other datasets.

    Args:
        rows: A leaderboard of several datasets.

    Returns:
        One entry for each ordered pair of datasets and set-up, by method; none with one dataset.

    Raises:
        ReidbenchError: The saved scores of a run can't be read.
    """
    read = lru_cache(maxsize=None)(read_saved_run)
    found = []
    for giver in rows:
        for taker in rows:
            if giver.dataset_digest == taker.dataset_digest or setup_key(giver.runs[0]) != setup_key(taker.runs[0]):
                continue
            pairs = _pairs(giver.runs, taker.runs)
            if pairs:
                found.append(_carry(giver, taker, [(read(a), read(b)) for a, b in pairs]))
    return sorted(found, key=lambda each: (each.method, each.chosen_on, each.applied_to))


def _pairs(givers: Sequence[RunRecord], takers: Sequence[RunRecord]) -> list[tuple[RunRecord, RunRecord]]:
    by_seeds = {(run.split_seed, run.seed): run for run in takers}
    return [(run, by_seeds[run.split_seed, run.seed]) for run in givers if (run.split_seed, run.seed) in by_seeds]


def _carry(
    giver: LeaderboardRow, taker: LeaderboardRow, pairs: Sequence[tuple[SavedRun, SavedRun]]
) -> CarriedThreshold:
    scores: list[float | None] = []
    reason = ""
    for source, target in pairs:
        try:
            overall = summarise(target.test.answers, source.thresholds).overall.to_json()
        except ReidbenchError as error:  # a group there that the threshold knows nothing of
            scores.append(None)
            reason = error.message
            continue
        scores.append(overall["score"])
        reason = reason or overall["reasons"].get("score", "")
    targets = [target.record.metrics for _, target in pairs]
    return CarriedThreshold(
        method=giver.method,
        chosen_on=giver.dataset,
        applied_to=taker.dataset,
        n_runs=len(pairs),
        score=_mean(scores),
        own_score=_mean([metrics["score"] for metrics in targets]),
        oracle_score=_mean([metrics["oracle_score"] for metrics in targets]),
        reason=reason,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined and len(defined) == len(values) else None


def as_json(carried: Sequence[CarriedThreshold]) -> str:
    """Return a JSON list of what was carried."""
    return json.dumps(
        [
            {
                "method": each.method, "chosen_on": each.chosen_on, "applied_to": each.applied_to,
                "n_runs": each.n_runs, "score": each.score, "own_score": each.own_score,
                "oracle_score": each.oracle_score, "lost": each.lost, "reason": each.reason,
            }
            for each in carried
        ],
        indent=2,
        ensure_ascii=False,
    )  # fmt: skip
