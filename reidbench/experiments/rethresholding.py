"""Decide a saved run again by another threshold policy: no image, no model, well under a second.

The new run stands beside the old one. Its id is the one that a whole run with that policy has, so that neither
repeats the other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.metrics.summary import EpisodeMetrics, predict, summarise
from reidbench.metrics.uncertainty.bootstrap import Interval, draw_folds, interval
from reidbench.metrics.uncertainty.rates import identity_rates
from reidbench.metrics.uncertainty.reliability import few_animals
from reidbench.progress import Progress
from reidbench.records.finding import find_run
from reidbench.records.predictions import prediction_rows
from reidbench.records.question import Question
from reidbench.records.run_data import MetricsData, ThresholdData
from reidbench.records.run_record import RunRecord, copy_run, read_run
from reidbench.records.saved_run import SavedRun, read_saved_run
from reidbench.registry.registered import Registry, canonical, load_registry
from reidbench.thresholds import Policy, Thresholds
from reidbench.thresholds.apply import choose_thresholds
from reidbench.thresholds.redraw import redrawn_scores


@dataclass(frozen=True, slots=True, eq=False)
class PolicyOutcome:
    """What one policy makes of a saved run; ``refused`` says why it could not choose, and all else is ``None``.

    Attributes:
        policy: As written on the command line.
        thresholds: What it chose on the calibration episode.
        metrics: Metrics of the test episode.
        interval: Of the official score, over reweighted test animals, the threshold as it is.
        redrawn: Of the official score, the calibration animals redrawn too and the threshold chosen on them; ``None``
            where it was not asked for, or where the policy refuses more than half of the redrawn episodes.
        refused: Why it could not choose; empty where it could.
    """

    policy: str
    thresholds: Thresholds | None = None
    metrics: EpisodeMetrics | None = None
    interval: Interval | None = None
    redrawn: Interval | None = None
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        overall = self.metrics.overall.to_json() if self.metrics else {}
        return {
            "policy": self.policy,
            **{name: overall.get(name) for name in ("score", "baks", "baus", "oracle_score", "regret")},
            "score_low": self.interval.low if self.interval else None,
            "score_high": self.interval.high if self.interval else None,
            "redrawn_low": self.redrawn.low if self.redrawn else None,
            "redrawn_high": self.redrawn.high if self.redrawn else None,
            "threshold": self.thresholds.to_json() if self.thresholds else None,
            "refused": self.refused or None,
        }


def rethreshold(
    run: str | Path | RunRecord, threshold: str, *, runs_dir: str | Path = "runs", registry: Registry | None = None
) -> RunRecord:
    """Write the run that another policy would have given, beside the one that was made.

    Args:
        run: A run's folder, its id or how that begins, or its record.
        threshold: The policy, such as ``conformal=0.1`` or ``max-score:group``.
        runs_dir: Where an id is looked for.
        registry: Where policies come from; by default the installed plugins.

    Raises:
        ReidbenchError: There is no such run or policy, or the policy needs what the run does not hold.
    """
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    policy = (registry or load_registry()).policy(threshold)
    asked = canonical(threshold, policy)
    run_id = Question.of_record(record.data).model_copy(update={"threshold": asked}).id
    path = record.path.parent / run_id
    if (standing := read_run(path)) is not None:
        return standing
    saved = read_saved_run(record)
    thresholds = choose_thresholds(policy, saved.calibration.answers, saved.gallery)
    metrics = {part: summarise(each.answers, thresholds).to_json() for part, each in saved.episodes.items()}
    data = record.data.model_copy(
        update={
            "id": run_id,
            "decided_again_from": record.id,
            "threshold": ThresholdData(asked=asked, **thresholds.to_json()),
            "metrics": MetricsData(**metrics),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
    )
    rows = []
    for part, each in saved.episodes.items():
        rows += prediction_rows(part, each.image_id, each.answers, thresholds)
    return copy_run(record.path, path, data, rows)


def try_policies(
    saved: SavedRun,
    policies: Sequence[Policy],
    *,
    n_folds: int = 10_000,
    redraws: int = 0,
    progress: Progress | None = None,
) -> list[PolicyOutcome]:
    """Decide a saved run by each policy, and write nothing.

    Args:
        saved: The run.
        policies: What to try.
        n_folds: Reweighings of the test animals.
        redraws: Redraws of the calibration animals with the test animals; 0 leaves that interval out, for it takes
            seconds where all else takes less than one.
        progress: Shows how many folds were redrawn.

    Returns:
        The least regret first; policies that refuse come last, with their reason.
    """
    outcomes, answers, chosen = [], [], []
    test = saved.test.answers
    for policy in policies:
        try:
            thresholds = choose_thresholds(policy, saved.calibration.answers, saved.gallery)
        except ReidbenchError as error:
            outcomes.append(PolicyOutcome(policy.text, refused=error.message))
            continue
        answers.append(predict(test, thresholds))
        chosen.append(policy)
        outcomes.append(PolicyOutcome(policy.text, thresholds, summarise(test, thresholds)))
    if answers:
        rates = identity_rates(test.true, test.known, test.group, answers)
        # One run decided in several ways is one method: equal answers get equal intervals.
        (folds,) = draw_folds([rates], owners=[[0] * len(answers)], n_folds=n_folds)
        scores = iter(folds.overall.score.T)
        outcomes = [_with_interval(each, next(scores)) if each.metrics else each for each in outcomes]
    if redraws and test.known.any() and not test.known.all():  # else there is no score
        drawn = redrawn_scores(
            chosen, saved.calibration.answers, test, saved.gallery, n_folds=redraws, progress=progress
        )
        of_policy = {policy.text: scores for policy, scores in zip(chosen, drawn, strict=True)}
        outcomes = [_redrawn(each, of_policy.get(each.policy), redraws) for each in outcomes]
    return sorted(outcomes, key=_regret)


def _redrawn(outcome: PolicyOutcome, scores: NDArray[np.float64] | None, n_folds: int) -> PolicyOutcome:
    score = outcome.metrics.overall.score if outcome.metrics else float("nan")
    if score != score or scores is None or len(scores) <= n_folds / 2:
        return outcome
    return replace(outcome, redrawn=interval(scores, score))


def tried_policies(registry: Registry) -> list[Policy]:
    """Return the policies that ``--threshold all`` tries: every one that says what to try, in its scopes."""
    taken: dict[str, int] = {}
    for offer in registry.policies:
        taken[offer.spec.name] = taken.get(offer.spec.name, 0) + 1
    return [
        registry.policy(f"{offer.distribution}/{text}" if taken[offer.spec.name] > 1 else text)
        for offer in registry.policies
        for text in offer.spec.tried
    ]


def warning_of(saved: SavedRun) -> str:
    """Return what has to be said of intervals over so few test animals; empty where they are enough."""
    overall = saved.record.metrics
    return few_animals(int(overall["n_known_identities"]), int(overall["n_unknown_identities"]))


def _with_interval(outcome: PolicyOutcome, scores: Any) -> PolicyOutcome:
    score = outcome.metrics.overall.score if outcome.metrics else float("nan")
    if score != score:  # a closed set has no score, so no interval either
        return outcome
    return replace(outcome, interval=interval(scores, score))


def _regret(outcome: PolicyOutcome) -> tuple[bool, float]:
    regret = outcome.metrics.overall.regret if outcome.metrics else float("nan")
    return (outcome.metrics is None, regret if regret == regret else float("inf"))
