"""Who is new, and which encounters of the others are enrolled and which are asked about: one group at a time.

What differs from kind to kind is the *course*: the part of each encounter of one enrolled animal.
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

Encounters = list[list[int]]  # rows of each encounter of one identity, in the order they are dealt
Course = Callable[[int, str, str], list[str]]
"""From a number of encounters, and the two parts of queries with the emptier first, to the part of each encounter."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The images of one group that are to be dealt.

    Attributes:
        images: The whole set.
        rows: Rows of the group's images, in order of image id.
        encounter: Encounter of every image of the set, or the block of encounters that are dealt together.
        shuffle: Orders of this group.
        parts: Part of every image of the set; dealing writes into it.
        share: Share of queries that show new animals, 0 to below 1.
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
    return [row for encounter in encounters for row in encounter]


def in_turn(n_encounter: int, first: str, second: str) -> list[str]:
    """Enrol the first encounter and deal the next to both parts of queries, twice to the gallery, and again.

    Example:
        >>> in_turn(5, "calibration", "test")
        ['gallery', 'calibration', 'test', 'gallery', 'gallery']
    """
    turns = (first, second, "gallery", "gallery")
    return ["gallery", *(turns[position % _DEALT] for position in range(n_encounter - 1))]


def deal(animals: list[Encounters], parts: NDArray[np.object_], share: float, course: Course = in_turn) -> None:
    """Give every image of a group its part; ``animals`` stand in random order."""
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
        # One image of each animal, then a second of each, and so on, as far as the share asks for.
        turns = sorted((turn, owner, row) for owner, rows in enumerate(brought) for turn, row in enumerate(rows))
        for _, _, row in turns[: max(wanted, len(brought))]:
            parts[row] = part


def _choose_unknown(animals: list[Encounters], share: float, course: Course) -> dict[str, list[int]]:
    """Choose the animals that are never enrolled: the first of the random order, until they are enough.

    Enough is when half of their images make up ``share`` of the queries that the other animals will give. Two
    encounters of known animals are always left to ask about, one for each part.
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
