"""``leave-identity-out``: the threshold with the highest score over the gallery's trials against itself.

The largest impostor score grows with the gallery, so a threshold from few animals is too low for many. Here
the whole gallery is asked about: each image once as a known animal with its own encounter masked, once as
an unknown one with its own identity masked. No calibration query is looked at. It does not hold for a network
that was fitted on these very images: such a run saves no trials, and the policy refuses it.
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
    """Choose the threshold on the gallery instead of on the calibration episode."""

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
        """Choose on the gallery's trials.

        Raises:
            ReidbenchError: The run holds no trials, or no animal was seen twice, or only one animal is enrolled.
        """
        if gallery is None:
            raise ReidbenchError(
                "the run did not try its gallery against itself: the method was fitted on those images, "
                "where only animals it has not seen tell the truth, or it compares images pair by pair",
                where=f"--threshold {self.text}",
                remedy="for a method that compares pairs, run it with --threshold leave-identity-out; "
                "for one that was fitted, choose a policy that looks at the calibration episode: max-score",
            )
        trials = gallery.as_answers()
        for side, present in (("known", trials.known.any()), ("unknown", (trials.best_score > float("-inf")).any())):
            if not present:
                why = "no animal has images of two encounters" if side == "known" else "only one animal is enrolled"
                raise ReidbenchError(
                    f"the gallery gives no {side} trial: {why}",
                    where=f"--threshold {self.text}",
                    remedy="choose a policy that looks at the calibration episode: --threshold max-score",
                )
        chosen = MaxScore(self.scope).choose(trials)
        notes = tuple(note.replace("calibration queries", "gallery trials") for note in chosen.notes)
        return dataclasses.replace(chosen, policy=self.text, notes=notes)
