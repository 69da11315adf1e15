"""Last result of a run: thresholds, and the metrics of both episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reidbench.matching.pooling import IMAGE, Pooling
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import EpisodeMetrics, summarise
from reidbench.running.matched import Matched
from reidbench.running.setup import Setup
from reidbench.thresholds import Policy, Thresholds
from reidbench.thresholds.apply import choose_thresholds


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Thresholds chosen on the calibration episode, and what they give.

    Attributes:
        thresholds: The thresholds.
        metrics: Metrics of the episodes ``calibration`` and ``test``.
        answers: Candidates and scores of the queries of both episodes, pooled if a query is an encounter.
        poolings: Which images are one query; ``None`` if each image is one query.
    """

    thresholds: Thresholds
    metrics: Mapping[str, EpisodeMetrics]
    answers: Mapping[str, Answers]
    poolings: Mapping[str, Pooling | None]


def decide(setup: Setup, matched: Matched, policy: Policy) -> Decided:
    """Choose thresholds on the calibration episode and compute the metrics of both episodes.

    Raises:
        ReidbenchError: The calibration episode does not hold what the policy needs.
    """
    encounter = setup.images.encounter if setup.query != IMAGE else None
    answers: dict[str, Answers] = {}
    poolings: dict[str, Pooling | None] = {}
    for part, episode in matched.episodes.items():
        pooling = None if encounter is None else Pooling.of(setup.query, encounter[episode.rows])
        answers[part] = episode.answers if pooling is None else pooling.pool(episode.answers)
        poolings[part] = pooling
    thresholds = choose_thresholds(policy, answers["calibration"], matched.gallery_trials)
    metrics = {part: summarise(of_part, thresholds) for part, of_part in answers.items()}
    return Decided(thresholds, metrics, answers, poolings)
