"""Match new photographs with a gallery by the method of a saved run.

Nothing is chosen or fitted: settings, score calibration and constants come from the run record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.sides import may_compare, sides_of
from reidbench.identifying.new_photographs import joined
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.contract import Method
from reidbench.methods.representation import Representation
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress
from reidbench.running.reopening import Reopened


def search(reopened: Reopened, photographs: ImageSet, gallery: ImageSet, progress: Progress) -> SearchResult:
    """Match photographs with a gallery.

    Args:
        reopened: The saved run, opened again.
        photographs: The new photographs, each with a placeholder identity.
        gallery: The gallery of the run, with or without animals enrolled later.
        progress: Shows progress bars.

    Raises:
        ReidbenchError: The trained model of the run is not in the cache, or the run has no score calibration for a
            group of the photographs.
    """
    numbering = reopened.install_curves(photographs.group.tolist())
    both = joined("photographs", photographs, gallery)
    representation = reopened.extract_more(both, numbering)
    rows, n_query = np.arange(len(both)), len(photographs)
    query, enrolled = (Features(part, representation.take(part)) for part in (rows[:n_query], rows[n_query:]))
    setup = reopened.setup
    episode = match_episode(
        reopened.method,
        both,
        query,
        enrolled,
        mode=setup.gallery_mode,
        learned=setup.learned,
        progress=progress,
        match_sides=setup.match_sides,
    )
    side = sides_of(both, setup.match_sides)
    return SearchResult(
        episode.answers,
        reopened.method,
        query.representation,
        enrolled.representation,
        gallery,
        side[:n_query],
        side[n_query:],
    )


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """The best candidates of each photograph; :meth:`nearest` finds the gallery images to show for them.

    Attributes:
        answers: Candidates and scores, ``n_query`` rows. The true identities are placeholders.
    """

    answers: Answers
    _method: Method
    _query: Representation
    _enrolled: Representation
    _gallery: ImageSet
    _query_side: NDArray[np.str_]
    _gallery_side: NDArray[np.str_]

    def nearest(self, best: int) -> NDArray[np.int64]:
        """Return the row of the gallery image of each candidate that is most similar to the photograph.

        For a method that compares with animals instead of images, it is the first image of the animal.

        Args:
            best: Number of candidates of each photograph.

        Returns:
            Rows of the gallery, ``(n_query, best)``; -1 if there is no such candidate.
        """
        identity = self._gallery.identity
        rows_of = {name: np.flatnonzero(identity == name) for name in np.unique(identity)}
        nothing = np.zeros(0, np.int64)
        candidates = self.answers.candidates[:, :best]
        nearest = np.full(candidates.shape, -1, dtype=np.int64)
        for query, names in enumerate(candidates):
            compared = may_compare(self._query_side[query], self._gallery_side)
            rows_by_candidate = [rows[compared[rows]] for rows in (rows_of.get(name, nothing) for name in names)]
            rows = np.concatenate(rows_by_candidate) if rows_by_candidate else np.zeros(0, np.int64)
            if not len(rows):
                continue
            similarity = self._similarity(query, rows)
            start = 0
            for column, candidate_rows in enumerate(rows_by_candidate):
                stop = start + len(candidate_rows)
                if len(candidate_rows):
                    nearest[query, column] = candidate_rows[int(np.argmax(similarity[start:stop]))]
                start = stop
        return nearest

    def _similarity(self, query: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the similarity to gallery images, ``(n_rows,)``; zeros for a method that compares with animals."""
        if self._method.matching == "identity":
            return np.zeros(len(rows))
        features = self._query.take(np.array([query]))
        similarity = np.asarray(self._method.score(features, self._enrolled.take(rows)), dtype=np.float64)
        return np.asarray(similarity[0])
