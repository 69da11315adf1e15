"""Last result of a run: thresholds, and the metrics of both episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reidbench.metrics.summary import EpisodeMetrics, summarise
from reidbench.running.matched import Matched
from reidbench.thresholds import Policy, Thresholds
from reidbench.thresholds.apply import choose_thresholds


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Thresholds chosen on the calibration episode, and what they give.

    Attributes:
        thresholds: The thresholds.
        metrics: Metrics of the episodes ``calibration`` and ``test``.
    """

    thresholds: Thresholds
    metrics: Mapping[str, EpisodeMetrics]


def decide(matched: Matched, policy: Policy) -> Decided:
    """Choose thresholds on the calibration episode and compute the metrics of both episodes.

    Raises:
        ReidbenchError: The calibration episode does not hold what the policy needs.
    """
    thresholds = choose_thresholds(policy, matched.episodes["calibration"].answers, matched.gallery_trials)
    metrics = {part: summarise(episode.answers, thresholds) for part, episode in matched.episodes.items()}
    return Decided(thresholds, metrics)
