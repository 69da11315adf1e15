"""Apply another threshold policy to a saved run; it needs no images and no model, and takes less than a second.

The result is a new run in the same folder as the old one. Its id is that of a complete run with the new policy, so
neither is made twice.
"""

from __future__ import annotations

import time
from collections import Counter
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
from reidbench.thresholds.apply import check_policy_suits, choose_thresholds
from reidbench.thresholds.redraw import redrawn_scores
from reidbench.thresholds.scoped import ScopedPolicy


@dataclass(frozen=True, slots=True, eq=False)
class PolicyOutcome:
    """The result of one policy on a saved run.

    If the policy could not choose a threshold, ``refused`` has the reason and the other results are ``None``.

    Attributes:
        policy: Text of the policy on the command line.
        thresholds: The thresholds that it chose on the calibration queries.
        metrics: Metrics of the test queries.
        interval: 95 % interval of the score over test animals (Bayesian bootstrap), thresholds held fixed.
        redrawn: 95 % interval of the score with the calibration animals redrawn and the threshold chosen on them.
            ``None`` if it was not computed, or if the policy failed on more than half of the redrawn animals.
        refused: Reason why the policy could not choose a threshold; empty if it could.
    """

    policy: str
    thresholds: Thresholds | None = None
    metrics: EpisodeMetrics | None = None
    interval: Interval | None = None
    redrawn: Interval | None = None
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
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
    """Make the run that another threshold policy gives, and write it to the folder of the saved run.

    Args:
        run: Folder of a run, its id or the first characters of it, or its record.
        threshold: The policy, such as ``conformal=0.1`` or ``max-score:group``.
        runs_dir: Folder in which an id is searched.
        registry: Registry with the policies; by default that of the installed plugins.

    Returns:
        The record of the new run, or of the same run if it exists already.

    Raises:
        ReidbenchError: There is no such run or policy, or the run lacks data that the policy needs.
    """
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    policy = (registry or load_registry()).policy(threshold)
    policy_text = canonical(threshold, policy)
    run_id = Question.of_record(record.data).model_copy(update={"threshold": policy_text}).id
    path = record.path.parent / run_id
    if (existing := read_run(path)) is not None:
        return existing
    check_policy_suits(policy, record.data.query, f"--threshold {threshold}", record.data.match_sides)
    saved = read_saved_run(record)
    thresholds = choose_thresholds(policy, saved.calibration.answers, saved.gallery)
    metrics = {part: summarise(episode.answers, thresholds).to_json() for part, episode in saved.episodes.items()}
    data = record.data.model_copy(
        update={
            "id": run_id,
            "decided_again_from": record.id,
            "threshold": ThresholdData(asked=policy_text, **thresholds.to_json()),
            "metrics": MetricsData(**metrics),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
    )
    rows = []
    for part, episode in saved.episodes.items():
        rows += prediction_rows(
            part,
            episode.image_id if episode.images is None else episode.images,
            episode.answers,
            thresholds,
            episode.pooling,
        )
    return copy_run(record.path, path, data, rows)


def try_policies(
    saved: SavedRun,
    policies: Sequence[Policy],
    *,
    n_folds: int = 10_000,
    redraws: int = 0,
    progress: Progress | None = None,
) -> list[PolicyOutcome]:
    """Apply each policy to a saved run, without writing anything.

    Args:
        saved: The saved run.
        policies: The policies to try.
        n_folds: Number of random weights of the test animals, for the interval.
        redraws: Number of random draws of the calibration animals, for the interval ``redrawn``. 0 leaves out this
            interval, which takes several seconds.
        progress: Shows a progress bar over the draws.

    Returns:
        The results, lowest regret first; policies that could not choose a threshold come last.
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
        # All policies share one owner, because they belong to one run: equal predictions get equal intervals.
        (folds,) = draw_folds([rates], owners=[[0] * len(answers)], n_folds=n_folds)
        scores = iter(folds.overall.score.T)
        outcomes = [_with_interval(outcome, next(scores)) if outcome.metrics else outcome for outcome in outcomes]
    if redraws and test.known.any() and not test.known.all():  # otherwise there is no score
        score_folds = redrawn_scores(
            chosen, saved.calibration.answers, test, saved.gallery, n_folds=redraws, progress=progress
        )
        of_policy = {policy.text: scores for policy, scores in zip(chosen, score_folds, strict=True)}
        outcomes = [_with_redrawn(outcome, of_policy.get(outcome.policy), redraws) for outcome in outcomes]
    return sorted(outcomes, key=_regret)


def _with_redrawn(outcome: PolicyOutcome, scores: NDArray[np.float64] | None, n_folds: int) -> PolicyOutcome:
    score = outcome.metrics.overall.score if outcome.metrics else float("nan")
    if score != score or scores is None or len(scores) <= n_folds / 2:
        return outcome
    return replace(outcome, redrawn=interval(scores, score))


def tried_policies(registry: Registry, saved: SavedRun | None = None) -> list[Policy]:
    """Return the policies that ``--threshold all`` tries: the texts in ``PolicySpec.tried`` of all policies.

    Args:
        registry: Registry with the policies.
        saved: The run that they are tried on. If it has one group, a policy with the scope ``group`` or ``shrunk`` is
            the one without it; only one of them is returned, that of the run if it is among them.
    """
    n_offers = Counter(offer.spec.name for offer in registry.policies)
    policies = [
        registry.policy(f"{offer.distribution}/{text}" if n_offers[offer.spec.name] > 1 else text)
        for offer in registry.policies
        for text in offer.spec.tried
    ]
    if saved is None or not has_one_group(saved):
        return policies
    of_run = saved.record.data.threshold.policy
    chosen: dict[str, Policy] = {}
    for policy in policies:
        twin = replace(policy, scope="pooled").text if isinstance(policy, ScopedPolicy) else policy.text
        if twin not in chosen or policy.text == of_run:
            chosen[twin] = policy
    return list(chosen.values())


def has_one_group(saved: SavedRun) -> bool:
    """Return whether all calibration and test queries of a run are of one group."""
    groups = (set(episode.answers.group.tolist()) for episode in (saved.calibration, saved.test))
    return len(set[str]().union(*groups)) == 1


def warning_of(saved: SavedRun) -> str:
    """Return a warning if the intervals are over few test animals; empty if there are enough."""
    overall = saved.record.metrics
    return few_animals(int(overall["n_known_identities"]), int(overall["n_unknown_identities"]))


def _with_interval(outcome: PolicyOutcome, scores: Any) -> PolicyOutcome:
    score = outcome.metrics.overall.score if outcome.metrics else float("nan")
    if score != score:  # nan: a closed set has no score, and therefore no interval
        return outcome
    return replace(outcome, interval=interval(scores, score))


def _regret(outcome: PolicyOutcome) -> tuple[bool, float]:
    regret = outcome.metrics.overall.regret if outcome.metrics else float("nan")
    return (outcome.metrics is None, regret if regret == regret else float("inf"))
