"""How a policy is applied to an episode, a closed set included."""

from __future__ import annotations

import dataclasses
import math

from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Policy, Thresholds
from reidbench.thresholds.fixed import Fixed


def choose_thresholds(policy: Policy, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
    """Choose thresholds; in a closed set there is nothing to reject, so every best candidate is accepted.

    Args:
        policy: What chooses.
        answers: The calibration episode.
        gallery: The gallery's trials against itself, where the run made them.

    Raises:
        ReidbenchError: The episode does not hold what the policy needs.
    """
    if answers.known.all():
        accept_all = Fixed(-math.inf).choose(answers)
        note = "the calibration episode has no new animals: every best candidate is accepted"
        return dataclasses.replace(accept_all, notes=(*accept_all.notes, note))
    return policy.choose(answers, gallery)
