"""The effect of photographs from the query's encounter: the predictions of a saved run without them in the gallery.

A photograph of the query's encounter shares light, place and pose with the query. Matching saves each query's best
score with photographs of its animal from other encounters, so the predictions can be computed without the model.
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
    """The test queries of a run, without gallery photographs of the query's encounter.

    Attributes:
        answers: Candidates and scores of the queries that are left.
        predicted: Predictions at the run's thresholds, ``(n_query,)`` strings.
        n_known: Number of known queries of the run.
        n_encountered: How many of them have a photograph of their encounter in the gallery.
        n_left_out: How many of these are left out, because the gallery has no other photograph of their animal.
    """

    answers: Answers
    predicted: NDArray[Any]
    n_known: int
    n_encountered: int
    n_left_out: int


def without_encounters(saved: SavedRun) -> WithoutEncounters | None:
    """Remove from each test query's gallery the photographs of its encounter, and predict again.

    Args:
        saved: The run.

    Returns:
        The new predictions; ``None`` if the run lacks the data. An earlier version wrote it, or the method compares
        with one centroid or class for each animal, from which no encounter can be removed.
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
    """Move each query's animal to the rank that its best score outside the encounter gives."""
    answers = episode.answers
    own = (answers.candidates == answers.true[:, None]) & met[:, None]
    scores = np.where(own, episode.own_best[:, None], answers.scores)
    # At equal scores other animals come first, so that a tie does not favour the query's animal.
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
