"""The errors of a run by kind, the most certain first.

False new: a known animal predicted as new. Mis-identified: a known animal predicted as another animal. False match: an
unknown animal predicted as a known one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reidbench.constants import NEW_IDENTITY
from reidbench.records.saved_run import SavedEpisode

KINDS = {
    "false_new": "False new: known animals predicted as new",
    "misidentified": "Mis-identified: known animals predicted as another animal",
    "false_match": "False match: unknown animals predicted as known",
}


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """One query with a wrong prediction.

    Attributes:
        kind: One of :data:`KINDS`.
        image_id: The query.
        group: Its group.
        true: The correct identity; for an unknown animal its hidden identity.
        predicted: The prediction: an identity or ``NEW_IDENTITY``.
        candidate: The identity with the best score, accepted or not; empty if the query was compared with nothing.
        score: Score of that candidate.
        limit: Threshold of the query.
        own_score: Best score of the correct identity, ``-inf`` if it is not enrolled or was not compared.
        n_image: Number of images of the query: 1, or those of an encounter, of which ``image_id`` is the first.
        own_rank: Rank of the correct identity, ``None`` if it is not among the saved candidates.
    """

    kind: str
    image_id: str
    group: str
    true: str
    predicted: str
    candidate: str
    score: float
    limit: float
    own_score: float
    own_rank: int | None
    n_image: int = 1

    @property
    def margin(self) -> float:
        """Distance of the score from the threshold: how certain the wrong prediction was."""
        return abs(self.score - self.limit) if math.isfinite(self.score) and math.isfinite(self.limit) else math.inf


def error_cases(test: SavedEpisode, most: int) -> dict[str, tuple[list[ErrorCase], int]]:
    """Return the errors of each kind, at most ``most`` of them, and their total number.

    The most certain come first. Each animal's most certain error comes before the second error of any animal, so that
    one animal does not fill the page.
    """
    answers = test.answers
    wrong = np.flatnonzero(test.predicted != np.where(answers.known, answers.true, NEW_IDENTITY))
    by_kind: dict[str, list[ErrorCase]] = {kind: [] for kind in KINDS}
    for place in wrong:
        case = _case(test, int(place))
        by_kind[case.kind].append(case)
    return {kind: (_varied(cases)[:most], len(cases)) for kind, cases in by_kind.items()}


def _case(test: SavedEpisode, place: int) -> ErrorCase:
    answers = test.answers
    true, predicted = str(answers.true[place]), str(test.predicted[place])
    if not answers.known[place]:
        kind = "false_match"
    else:
        kind = "false_new" if predicted == NEW_IDENTITY else "misidentified"
    listed = np.flatnonzero((answers.candidates[place] == true) & (answers.scores[place] > -np.inf))
    rank = int(listed[0]) if len(listed) else None
    return ErrorCase(
        kind=kind,
        image_id=str(test.image_id[place]),
        group=str(answers.group[place]),
        true=true,
        predicted=predicted,
        candidate=str(answers.best_candidate[place]),
        score=float(answers.best_score[place]),
        limit=float(test.limit[place]),
        own_score=float(answers.scores[place, rank]) if rank is not None else float(test.own_best[place]),
        own_rank=None if rank is None else rank + 1,
        n_image=1 if test.pooling is None else len(test.pooling.rows[place]),
    )


def _varied(cases: list[ErrorCase]) -> list[ErrorCase]:
    most_certain = sorted(cases, key=lambda case: (-case.margin, case.image_id))
    turn: dict[str, int] = {}
    turns = []
    for case in most_certain:
        turns.append(turn.get(case.true, 0))
        turn[case.true] = turns[-1] + 1
    return [case for _, case in sorted(zip(turns, most_certain, strict=True), key=lambda pair: pair[0])]
