"""The score of a threshold that was chosen on one dataset and is used on another.

Only the threshold changes; the scores, gallery and test part of the other run stay the same. The comparison makes sense
if scores mean the same in both runs. For that reason only runs of one method with equal settings, weights and threshold
policy are paired.
"""

from __future__ import annotations

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
from reidbench.untrusted.text import json_text


@dataclass(frozen=True, slots=True)
class CarriedThreshold:
    """Mean scores over paired runs, with the threshold of another dataset and with other thresholds.

    Attributes:
        method: Name of the method.
        chosen_on: Dataset that the threshold was chosen on.
        applied_to: Dataset that the threshold was applied to.
        n_runs: Number of paired runs: same split seed and seed on both datasets.
        score: Score with the carried threshold; ``None`` if undefined.
        own_score: Score with the threshold that was chosen on ``applied_to``.
        oracle_score: Score with the best threshold of each group in hindsight.
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
        """``own_score`` minus ``score``; negative if the carried threshold scores more."""
        return None if self.score is None or self.own_score is None else self.own_score - self.score

    @property
    def cells(self) -> list[str]:
        """The numbers as table cells: runs, score, own score, oracle score, lost."""
        return [
            str(self.n_runs), show(self.score), show(self.own_score), show(self.oracle_score), show(self.lost)
        ]  # fmt: skip


def carried_thresholds(rows: Sequence[LeaderboardRow]) -> list[CarriedThreshold]:
    """Apply the thresholds of each row to the rows with the same set-up on other datasets.

    Args:
        rows: A leaderboard of several datasets.

    Returns:
        One entry for each ordered pair of datasets and each set-up, sorted by method; empty for one dataset.

    Raises:
        ReidbenchError: The saved scores of a run can't be read.
    """
    read = lru_cache(maxsize=None)(read_saved_run)
    carried = []
    for source in rows:
        for target in rows:
            if source.dataset_digest == target.dataset_digest or setup_key(source.runs[0]) != setup_key(target.runs[0]):
                continue
            pairs = _pairs(source.runs, target.runs)
            if pairs:
                carried.append(_carry(source, target, [(read(a), read(b)) for a, b in pairs]))
    return sorted(carried, key=lambda each: (each.method, each.chosen_on, each.applied_to))


def _pairs(sources: Sequence[RunRecord], targets: Sequence[RunRecord]) -> list[tuple[RunRecord, RunRecord]]:
    by_seeds = {(run.split_seed, run.seed): run for run in targets}
    return [(run, by_seeds[run.split_seed, run.seed]) for run in sources if (run.split_seed, run.seed) in by_seeds]


def _carry(
    source: LeaderboardRow, target: LeaderboardRow, pairs: Sequence[tuple[SavedRun, SavedRun]]
) -> CarriedThreshold:
    scores: list[float | None] = []
    reason = ""
    for from_run, to_run in pairs:
        try:
            overall = summarise(to_run.test.answers, from_run.thresholds).overall.to_json()
        except ReidbenchError as error:  # the other dataset has a group without a threshold
            scores.append(None)
            reason = error.message
            continue
        scores.append(overall["score"])
        reason = reason or overall["reasons"].get("score", "")
    own_metrics = [to_run.record.metrics for _, to_run in pairs]
    return CarriedThreshold(
        method=source.method,
        chosen_on=source.dataset,
        applied_to=target.dataset,
        n_runs=len(pairs),
        score=_mean(scores),
        own_score=_mean([metrics["score"] for metrics in own_metrics]),
        oracle_score=_mean([metrics["oracle_score"] for metrics in own_metrics]),
        reason=reason,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined and len(defined) == len(values) else None


def as_json(carried: Sequence[CarriedThreshold]) -> str:
    """Return carried thresholds as a JSON list."""
    return json_text(
        [
            {
                "method": each.method, "chosen_on": each.chosen_on, "applied_to": each.applied_to,
                "n_runs": each.n_runs, "score": each.score, "own_score": each.own_score,
                "oracle_score": each.oracle_score, "lost": each.lost, "reason": each.reason,
            }
            for each in carried
        ],
        indent=2,
    )  # fmt: skip
