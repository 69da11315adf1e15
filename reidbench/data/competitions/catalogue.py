"""The competitions: their columns, the composition of their queries, and the form of a submission.

Counts are those of the published ``metadata.csv`` of AnimalCLEF 2025. The 2026 edition has the same photographs and
a fourth dataset; its task is to cluster them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from reidbench.data.splits.imitation import Shape

Task = Literal["identify", "cluster"]


@dataclass(frozen=True, slots=True)
class Competition:
    """One edition of a competition.

    Attributes:
        name: Name for ``--dataset``, which is that of the class in wildlife-datasets.
        task: ``identify``, an identity for each query, or ``cluster``, a cluster for each query.
        database: Word in the column ``split`` for an image whose animal is known.
        query: Word in the column ``split`` for a query.
        answer: Column of the submission next to ``image_id``.
        shapes: Composition of the queries of each group. Other groups are split by the defaults of :class:`Shape`.
    """

    name: str
    task: Task
    database: str
    query: str
    answer: str
    shapes: Mapping[str, Shape]


_EPISODES = 2  # calibration and test together are as large a share of all images as the published queries
_SHAPES: Final = {
    "LynxID2025": Shape.of_counts(database=2957, known=(688, 19), new=(258, 22), episodes=_EPISODES),
    "SalamanderID2025": Shape.of_counts(database=1388, known=(480, 479), new=(209, 59), episodes=_EPISODES),
    "SeaTurtleID2022": Shape.of_counts(database=8729, known=(250, 50), new=(250, 50), episodes=_EPISODES, later=True),
}

COMPETITIONS: Final = {
    each.name: each
    for each in (
        Competition("AnimalCLEF2025", "identify", "database", "query", "identity", _SHAPES),
        Competition("AnimalCLEF2026", "cluster", "train", "test", "cluster", _SHAPES),
    )
}


def find_competition(name: str) -> Competition | None:
    """Return the competition with a name, or ``None``."""
    return COMPETITIONS.get(name)
