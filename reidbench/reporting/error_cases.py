"""The errors of a run by kind, the surest mistakes first: what a page shows of where a method fails.

False new: a known animal answered as new. Mis-identified: a known animal answered as another. False match: a new
animal answered as a known one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reidbench.constants import NEW_IDENTITY
from reidbench.records.saved_run import SavedEpisode

KINDS = {
    "false_new": "False new: known animals answered as new",
    "misidentified": "Mis-identified: known animals answered as another",
    "false_match": "False match: new animals answered as known",
}


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """One query that was answered wrongly.

    Attributes:
        kind: One of :data:`KINDS`.
        image_id: The query.
        group: Its group.
        true: The right animal; for a new animal its hidden identity.
        answer: The identity it was given, or ``NEW_IDENTITY``.
        candidate: The best identity whatever its score; empty when nothing was compared.
        score: Score of that candidate.
        limit: Threshold that the score was held against.
        own_score: Best score of the right animal, ``-inf`` where it is not enrolled or was not compared.
        own_rank: Its place among the candidates, ``None`` where it is not among those that were kept.
    """

    kind: str
    image_id: str
    group: str
    true: str
    answer: str
    candidate: str
    score: float
    limit: float
    own_score: float
    own_rank: int | None

    @property
    def margin(self) -> float:
        """How far from the threshold, and so how sure, the mistake is."""
        return abs(self.score - self.limit) if math.isfinite(self.score) and math.isfinite(self.limit) else math.inf


def error_cases(test: SavedEpisode, most: int) -> dict[str, tuple[list[ErrorCase], int]]:
    """Return the errors of each kind, at most ``most`` of them, and how many there are.

    The surest come first, and each animal's surest before any animal's second: one animal that is always mistaken
    should not fill the page.
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
    true, answer = str(answers.true[place]), str(test.predicted[place])
    if not answers.known[place]:
        kind = "false_match"
    else:
        kind = "false_new" if answer == NEW_IDENTITY else "misidentified"
    listed = np.flatnonzero((answers.candidates[place] == true) & (answers.scores[place] > -np.inf))
    rank = int(listed[0]) if len(listed) else None
    return ErrorCase(
        kind=kind,
        image_id=str(test.image_id[place]),
        group=str(answers.group[place]),
        true=true,
        answer=answer,
        candidate=str(answers.best_candidate[place]),
        score=float(answers.best_score[place]),
        limit=float(test.limit[place]),
        own_score=float(answers.scores[place, rank]) if rank is not None else float(test.own_best[place]),
        own_rank=None if rank is None else rank + 1,
    )


def _varied(cases: list[ErrorCase]) -> list[ErrorCase]:
    surest = sorted(cases, key=lambda case: (-case.margin, case.image_id))
    turn: dict[str, int] = {}
    turns = []
    for case in surest:
        turns.append(turn.get(case.true, 0))
        turn[case.true] = turns[-1] + 1
    return [case for _, case in sorted(zip(turns, surest, strict=True), key=lambda pair: pair[0])]
