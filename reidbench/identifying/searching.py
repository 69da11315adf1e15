"""Match new photographs with a gallery as a saved run would have, and say which gallery image said so.

Nothing is chosen or fitted: settings, calibration curves and constants are those of the record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.identifying.new_photographs import joined
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.contract import Method
from reidbench.methods.representation import Representation
from reidbench.metrics.answers import Answers
from reidbench.progress import Progress
from reidbench.running.reopening import Reopened


def ask(reopened: Reopened, photographs: ImageSet, gallery: ImageSet, progress: Progress) -> Identified:
    """Match photographs with a gallery.

    Args:
        reopened: The run.
        photographs: Each with a placeholder identity.
        gallery: The run's own gallery, or that with more animals.
        progress: Where bars go.

    Raises:
        ReidbenchError: A trained method is needed and what it learned is not kept, or the record judges no such group.
    """
    reopened.calibrate_as_recorded(photographs.table["group"].tolist())
    both = joined("photographs", photographs, gallery)
    whole = reopened.describe_more(both)
    rows, n_query = np.arange(len(both)), len(photographs)
    query, enrolled = (Features(part, whole.take(part)) for part in (rows[:n_query], rows[n_query:]))
    stages = reopened.stages
    episode = match_episode(
        reopened.method, both, query, enrolled, mode=stages.gallery, learned=stages.learned, progress=progress
    )
    return Identified(episode.answers, reopened.method, query.representation, enrolled.representation, gallery)


@dataclass(frozen=True, slots=True, eq=False)
class Identified:
    """What matching said of photographs, and what is needed to show which gallery image said it.

    Attributes:
        answers: Best candidates of each photograph; their truth is a placeholder.
    """

    answers: Answers
    _method: Method
    _query: Representation
    _enrolled: Representation
    _gallery: ImageSet

    def nearest(self, best: int) -> NDArray[np.int64]:
        """Return the gallery image that stands for each of the best candidates, ``(n_query, best)``; -1 for none.

        It is the one that the method finds most alike; of a method that knows animals as such, the first of the
        photograph's orientation is taken by whoever shows it, so the animal's first image is returned.
        """
        identity = self._gallery.identity
        rows_of = {name: np.flatnonzero(identity == name) for name in np.unique(identity)}
        named = self.answers.candidates[:, :best]
        chosen = np.full(named.shape, -1, dtype=np.int64)
        for place, names in enumerate(named):
            mine = [rows_of[name] if name else np.zeros(0, np.int64) for name in names]
            rows = np.concatenate(mine) if mine else np.zeros(0, np.int64)
            if not len(rows):
                continue
            alike = self._alike(place, rows)
            start = 0
            for column, own in enumerate(mine):
                if len(own):
                    chosen[place, column] = own[int(np.argmax(alike[start : start + len(own)]))]
                start += len(own)
        return chosen

    def _alike(self, place: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        if self._method.matching == "identity":
            return np.zeros(len(rows))
        query = self._query.take(np.array([place]))
        scores = np.asarray(self._method.score(query, self._enrolled.take(rows)), dtype=np.float64)
        return np.asarray(scores[0])
