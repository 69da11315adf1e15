"""What photographs of the query's own day are worth: a saved run answered again as if they were not enrolled.

A photograph of the same animal and day shares light, place and pose with the query. Matching keeps each query's best
score of its own animal outside that day, so the question needs no new inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict
from reidbench.records.saved_run import SavedEpisode, SavedRun


@dataclass(frozen=True, slots=True, eq=False)
class WithoutEncounters:
    """The test queries of a run without photographs of their own day.

    Attributes:
        answers: Truth and best candidates of the queries that are left.
        predicted: Their answers at the run's own thresholds, ``(n_query,)`` strings.
        n_known: Known queries of the run.
        n_encountered: Those that had a photograph of their animal and day in the gallery.
        n_left_out: Those whose animal has no other photograph in the gallery: nobody could answer them.
    """

    answers: Answers
    predicted: NDArray[Any]
    n_known: int
    n_encountered: int
    n_left_out: int


def without_encounters(saved: SavedRun) -> WithoutEncounters | None:
    """Hide from each test query the gallery photographs of its own animal and day, and answer again.

    Returns:
        ``None`` where the run does not say: an earlier version wrote it, or the method compares with one centroid or
        class for each animal, from which no day can be taken out.
    """
    episode = saved.test
    if episode.encountered is None or saved.record.data.matching.rule != "nearest":
        return None
    met = episode.encountered & episode.answers.known
    kept = ~(met & np.isneginf(episode.own_best))
    answers = _hidden(episode, met).take(kept)
    return WithoutEncounters(
        answers=answers,
        predicted=predict(answers, saved.thresholds),
        n_known=int(episode.answers.known.sum()),
        n_encountered=int(met.sum()),
        n_left_out=int((~kept).sum()),
    )


def _hidden(episode: SavedEpisode, met: NDArray[np.bool_]) -> Answers:
    """Put each query's own animal where its best score outside the encounter puts it."""
    answers = episode.answers
    own = (answers.candidates == answers.true[:, None]) & met[:, None]
    scores = np.where(own, episode.own_best[:, None], answers.scores)
    # Stable, with others first at equal scores: an animal does not win by a tie what it won by its encounter.
    order = np.lexsort((own, -scores), axis=1)
    return Answers(
        true=answers.true,
        known=answers.known,
        group=answers.group,
        candidates=np.take_along_axis(answers.candidates, order, axis=1),
        scores=np.take_along_axis(scores, order, axis=1),
        average_precision=np.full(len(answers), np.nan),
        gallery_identities=answers.gallery_identities,
    )
