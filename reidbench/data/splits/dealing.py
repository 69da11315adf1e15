"""Deal the images of one group: choose the unknown animals, and enrol or query each encounter of the others.

Kinds of split differ in their *course*, the function that gives each encounter of an enrolled animal its part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.splits.shuffle import Shuffle
from reidbench.data.splits.split import QUERIES

_DEALT: Final = 4  # after the first encounter: calibration, test, gallery, gallery, and again

Encounters = list[list[int]]
"""Rows of each encounter of one identity, in the order in which they are dealt."""
Course = Callable[[int, str, str], list[str]]
"""Function of the number of encounters and the two query parts, the one with fewer queries first; returns the part of
each encounter."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The images of one group, to be dealt.

    Attributes:
        images: All images of the dataset.
        rows: Rows of the images of the group, in canonical order.
        encounter: Encounter of every image of the dataset, or the block of encounters that are dealt together.
        shuffle: Random orders for this group.
        parts: Part of every image of the dataset; dealing writes into it.
        share: Share of queries that show unknown animals, in [0, 1).
    """

    images: ImageSet
    rows: list[int]
    encounter: NDArray[Any]
    shuffle: Shuffle
    parts: NDArray[np.object_]
    share: float


def gather(group: Group) -> dict[str, Encounters]:
    """Gather the encounters of each identity of a group and shuffle them."""
    gathered: dict[str, dict[object, list[int]]] = defaultdict(dict)
    identity = group.images.table["identity"].tolist()
    for row in group.rows:
        gathered[identity[row]].setdefault(group.encounter[row], []).append(row)
    return {name: group.shuffle(list(found.values()), f"encounters of {name}") for name, found in gathered.items()}


def flat(encounters: Encounters) -> list[int]:
    """Return the rows of all encounters in one list."""
    return [row for encounter in encounters for row in encounter]


def in_turn(n_encounter: int, first: str, second: str) -> list[str]:
    """Enrol the first encounter, then repeat: one to each query part, two to the gallery.

    Example:
        >>> in_turn(5, "calibration", "test")
        ['gallery', 'calibration', 'test', 'gallery', 'gallery']
    """
    turns = (first, second, "gallery", "gallery")
    return ["gallery", *(turns[position % _DEALT] for position in range(n_encounter - 1))]


def deal(animals: list[Encounters], parts: NDArray[np.object_], share: float, course: Course = in_turn) -> None:
    """Give every image of a group its part.

    Args:
        animals: Encounters of each animal, in random order.
        parts: Part of every image of the dataset; the rows of these animals are written.
        share: Share of queries that show unknown animals, in [0, 1).
        course: Gives each encounter of a known animal its part.
    """
    unknown = _choose_unknown(animals, share, course)
    chosen = {index for part in QUERIES for index in unknown[part]}
    queries = dict.fromkeys(QUERIES, 0)
    for index, encounters in enumerate(animals):
        if index in chosen:
            continue
        first, second = sorted(QUERIES, key=lambda part: queries[part])
        for part, encounter in zip(course(len(encounters), first, second), encounters, strict=True):
            parts[encounter] = part
            if part in queries:
                queries[part] += len(encounter)
    for part in QUERIES:
        wanted = round(queries[part] * share / (1 - share))
        brought = [flat(animals[index]) for index in unknown[part]]
        # One image of each animal, then a second of each, and so on, until the share is reached.
        turns = sorted((turn, owner, row) for owner, rows in enumerate(brought) for turn, row in enumerate(rows))
        for _, _, row in turns[: max(wanted, len(brought))]:
            parts[row] = part


def _choose_unknown(animals: list[Encounters], share: float, course: Course) -> dict[str, list[int]]:
    """Choose the unknown animals, from the first of the random order on, until there are enough.

    There are enough when half of their images are ``share`` of all queries. At least two encounters of known animals
    are left as queries, one for each part.
    """
    unknown: dict[str, list[int]] = {part: [] for part in QUERIES}
    asked = [
        [rows for part, rows in zip(course(len(found), *QUERIES), found, strict=True) if part in QUERIES]
        for found in animals
    ]
    n_encounters = sum(len(found) for found in asked)
    n_known = sum(len(rows) for found in asked for rows in found)
    brought = dict.fromkeys(QUERIES, 0)
    for index, encounters in enumerate(animals):
        wanted = share / (1 - share) * n_known / 2
        if share == 0 or all(unknown[part] and brought[part] >= wanted for part in QUERIES):
            break
        if n_encounters - len(asked[index]) < 2:
            continue
        part = min(QUERIES, key=lambda part: (len(unknown[part]) > 0, brought[part]))
        unknown[part].append(index)
        brought[part] += (sum(len(rows) for rows in encounters) + 1) // 2
        n_encounters -= len(asked[index])
        n_known -= sum(len(rows) for rows in asked[index])
    return unknown
