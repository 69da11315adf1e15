"""What is known of each competition: how its folder is written, how its queries are made up, what it wants back.

Counts are those of the published ``metadata.csv`` of AnimalCLEF 2025. The 2026 edition asks about the same
photographs and a fourth dataset, and wants them clustered.
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
        name: As ``--dataset`` takes it; the name of its class in wildlife-datasets.
        task: What is wanted: an identity for each query, or the queries in clusters.
        database: What the column ``split`` calls an image whose animal is told.
        query: What it calls an image that is asked about.
        answer: Column of the submission beside ``image_id``.
        shapes: How the queries of each group are made up; other groups are split like :class:`Shape`'s defaults.
    """

    name: str
    task: Task
    database: str
    query: str
    answer: str
    shapes: Mapping[str, Shape]


_EPISODES = 2  # calibration and test share what the published queries are of all images
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
    """Return the competition of a name, ``None`` where there is none."""
    return COMPETITIONS.get(name)
