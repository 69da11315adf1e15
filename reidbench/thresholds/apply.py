"""Choose thresholds with a policy, also for a closed set."""

from __future__ import annotations

import dataclasses
import math

from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Policy, Thresholds
from reidbench.thresholds.fixed import Fixed


def choose_thresholds(policy: Policy, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
    """Choose thresholds on the calibration queries.

    In a closed set there is no animal to reject, so every best candidate is accepted, whatever the policy.

    Args:
        policy: The threshold policy.
        answers: The calibration queries with their candidates.
        gallery: The gallery trials, if the run made them.

    Raises:
        ReidbenchError: The calibration queries lack something that the policy needs.
    """
    if answers.known.all():
        accept_all = Fixed(-math.inf).choose(answers)
        note = "the calibration part has no new animals: every best candidate is accepted"
        return dataclasses.replace(accept_all, notes=(*accept_all.notes, note))
    return policy.choose(answers, gallery)
