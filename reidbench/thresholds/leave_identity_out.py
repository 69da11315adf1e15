"""``leave-identity-out``: the threshold with the highest score over the gallery trials.

Each gallery image is searched in the gallery twice: once as a known animal, without the images of its encounter, and
once as an unknown animal, without the images of its identity. The trials use the whole gallery, because the largest
impostor score grows with the gallery. No calibration query is used. The policy is refused for a method that was trained
on the gallery images; such a run saves no trials.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.thresholds.base import Thresholds
from reidbench.thresholds.max_score import MaxScore, highest_score
from reidbench.thresholds.scoped import Choice, ScopedPolicy


@dataclass(frozen=True)
class LeaveIdentityOut(ScopedPolicy):
    """Policy that chooses the threshold on the gallery trials instead of the calibration queries."""

    name: ClassVar[str] = "leave-identity-out"

    @property
    @override
    def needs_gallery(self) -> bool:
        return True

    @override
    def choose_one(self, answers: Answers) -> Choice:
        return highest_score(answers)

    @override
    def choose(self, answers: Answers, gallery: GalleryTrials | None = None) -> Thresholds:
        """Choose the threshold on the gallery trials.

        Raises:
            ReidbenchError: The run has no trials, no animal has two encounters, or only one animal is enrolled.
        """
        if gallery is None:
            raise ReidbenchError(
                "the run did not compare its gallery images with each other: the method was trained on them, "
                "or it compares images pair by pair and was run with another policy, or its queries are encounters",
                where=f"--threshold {self.text}",
                remedy="for a method that compares pairs, repeat the run with --threshold leave-identity-out; "
                "for a trained method, choose a policy that uses calibration queries, such as max-score",
            )
        trials = gallery.as_answers()
        for side, present in (("known", trials.known.any()), ("unknown", (trials.best_score > float("-inf")).any())):
            if not present:
                reason = "no animal has images of two encounters" if side == "known" else "only one animal is enrolled"
                raise ReidbenchError(
                    f"gallery images cannot serve as queries of {side} animals: {reason}",
                    where=f"--threshold {self.text}",
                    remedy="choose a policy that uses calibration queries: --threshold max-score",
                )
        chosen = MaxScore(self.scope).choose(trials)
        notes = tuple(note.replace("calibration queries", "gallery trials") for note in chosen.notes)
        return dataclasses.replace(chosen, policy=self.text, notes=notes)
