"""Deal queries with the composition of published ones: their number, their unknown animals, their order in time.

The queries of a competition rarely have the composition of a random split of its database. A threshold that is chosen
on queries of another composition does not fit them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.splits.dealing import Encounters, flat

ENOUGH = 0.95  # share of the wanted queries; with less, fewer known and unknown queries are taken in proportion
MOST_NEW = 3  # at most one animal in three is unknown; the others are the gallery
LATEST_STEP = 0.01  # step of the search for the first day of the queries, as a share of the images


@dataclass(frozen=True, slots=True)
class Shape:
    """The composition of the queries of one group.

    Attributes:
        new_share: Share of the queries that show unknown animals, in [0, 1).
        query_share: Queries of one part as a share of all images, in (0, 1).
        known_images: Most queries of one known animal.
        new_images: Most queries of one unknown animal.
        later: Whether every query is later than every enrolled image.
    """

    new_share: float = 0.3
    query_share: float = 0.1
    known_images: int = 5
    new_images: int = 5
    later: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.new_share < 1 and 0 < self.query_share < 1):
            raise ValueError(f"shares are between 0 and 1: {self}")
        if self.known_images < 1 or self.new_images < 1:
            raise ValueError(f"an animal has at least one query: {self}")

    @classmethod
    def of_counts(
        cls, *, database: int, known: tuple[int, int], new: tuple[int, int], episodes: int, later: bool = False
    ) -> Shape:
        """Return the composition of published queries, divided among several query parts.

        Args:
            database: Number of enrolled images.
            known: Number of queries of known animals, and number of these animals.
            new: Number of queries of unknown animals, and number of these animals.
            episodes: Number of query parts; together they are as large a share of all images as the published queries.
            later: Whether every query is later than every enrolled image.

        Example:
            >>> Shape.of_counts(database=8729, known=(250, 50), new=(250, 50), episodes=2).new_share
            0.5
        """
        asked = known[0] + new[0]
        return cls(
            new_share=new[0] / asked,
            query_share=asked / (database + asked) / episodes,
            known_images=max(1, round(known[0] / known[1])),
            new_images=max(1, round(new[0] / new[1])),
            later=later,
        )


@dataclass(frozen=True, slots=True)
class _Animal:
    """The encounters of one animal: those that are enrolled if it is known, and those that can be queries."""

    enrolled: Encounters
    askable: Encounters
    may_be_new: bool = True


@dataclass(slots=True)
class _Plan:
    """The animals to query in each part, by their numbers, in the order they were drawn."""

    n_known: int  # wanted queries of known animals in each part
    n_new: int
    known: dict[str, list[int]] = field(default_factory=dict)
    new: dict[str, list[int]] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)  # number of queries of known animals
    brought: dict[str, int] = field(default_factory=dict)  # number of queries of unknown animals

    @property
    def reached(self) -> float:
        """The share of the wanted queries that every part reaches, for known and unknown animals, at most 1."""
        known = min(self.found.values()) / self.n_known
        return min(1.0, known, min(self.brought.values()) / self.n_new if self.n_new else 1.0)


def deal_shaped(
    animals: Mapping[str, Encounters],
    shape: Shape,
    episodes: Sequence[str],
    parts: NDArray[np.object_],
    days: NDArray[Any] | None = None,
    may_be_new: Collection[str] | None = None,
) -> str:
    """Give every image of a group its part.

    Known animals keep at least half of their encounters in the gallery. Animals with one encounter are enrolled or
    unknown. If some images of an encounter are queries, its other images are ``unused``. With ``shape.later``, no image
    from the day of the first query on is enrolled.

    Args:
        animals: Encounters of each identity; identities and encounters in random order.
        shape: The composition of the queries.
        episodes: Names of the query parts.
        parts: Part of each image of the dataset; the rows of these animals are written.
        days: Day of each image of the dataset, as sortable text, empty if unknown.
        may_be_new: Animals that may become unknown animals; by default all.

    Returns:
        A warning for the reader, or an empty string.
    """
    names = list(animals)
    n_image = sum(len(flat(animals[name])) for name in names)
    later, note = shape.later, ""
    if later and (days is None or np.mean([days[row] != "" for row in _rows(animals)]) < 0.5):
        later, note = False, "too few images have a date: queries are not later than the gallery"
    if later and days is not None:
        divided, plan = _latest(animals, shape, episodes, days, n_image)
    else:
        divided = [_halved(animals[name], may_be_new is None or name in may_be_new) for name in names]
        plan = _shrunk(divided, shape, episodes, max(2, round(shape.query_share * n_image)), whole=True)
    _write(divided, plan, shape, episodes, parts, later=later)
    return note


def _rows(animals: Mapping[str, Encounters]) -> list[int]:
    return list(chain.from_iterable(flat(encounters) for encounters in animals.values()))


def _halved(encounters: Encounters, may_be_new: bool) -> _Animal:
    kept = (len(encounters) + 1) // 2
    return _Animal(encounters[:kept], encounters[kept:], may_be_new)


def _latest(
    animals: Mapping[str, Encounters], shape: Shape, episodes: Sequence[str], days: NDArray[Any], n_image: int
) -> tuple[list[_Animal], _Plan]:
    """Divide the encounters at the latest day that leaves enough queries."""
    dated = sorted(days[row] for row in _rows(animals) if days[row] != "")
    wanted = max(2, round(shape.query_share * n_image))
    best: tuple[list[_Animal], _Plan] | None = None
    for share in np.arange(LATEST_STEP, 0.7, LATEST_STEP):
        first_day = dated[min(len(dated) - 1, round((1 - share) * len(dated)))]
        divided = []
        for encounters in animals.values():
            # An encounter with a photograph without a day, or on both sides of the first day, is left out.
            early = [each for each in encounters if all("" < days[row] < first_day for row in each)]
            divided.append(_Animal(early, [each for each in encounters if all(days[row] >= first_day for row in each)]))
        plan = _planned(divided, shape, episodes, wanted, whole=False)
        if best is None or plan.reached > best[1].reached:
            best = divided, plan
        if plan.reached >= ENOUGH:
            return best
    assert best is not None
    return best[0], _shrunk(best[0], shape, episodes, wanted, whole=False)


def _shrunk(divided: list[_Animal], shape: Shape, episodes: Sequence[str], wanted: int, *, whole: bool) -> _Plan:
    """Plan fewer queries if there are too few animals, so that the share of unknown animals stays."""
    plan = _planned(divided, shape, episodes, wanted, whole=whole)
    for _ in range(8):
        fewer = max(2, round(plan.reached * wanted))
        if plan.reached >= ENOUGH or plan.reached == 0 or fewer >= wanted:
            break
        wanted = fewer
        plan = _planned(divided, shape, episodes, wanted, whole=whole)
    return plan


def _planned(divided: list[_Animal], shape: Shape, episodes: Sequence[str], wanted: int, *, whole: bool) -> _Plan:
    n_new = round(wanted * shape.new_share) if shape.new_share else 0
    n_new = max(1, n_new) if shape.new_share else 0
    plan = _Plan(max(1, wanted - n_new), n_new, {name: [] for name in episodes}, {name: [] for name in episodes})
    brought = plan.brought = dict.fromkeys(episodes, 0)
    # Animals that would cost the gallery many more images than they give queries come last. In reality, an unknown
    # animal rarely has the most photographs, and one first seen on the last days costs no image.
    order = sorted(range(len(divided)), key=lambda index: _lost(divided[index], shape, whole=whole) > shape.new_images)
    taken: set[int] = set()
    for index in order:
        if len(taken) >= max(len(episodes), len(divided) // MOST_NEW) or min(brought.values()) >= n_new:
            break
        asked = _count(divided[index], whole=whole)
        if asked and divided[index].may_be_new:
            part = min(episodes, key=lambda name: brought[name])
            plan.new[part].append(index)
            brought[part] += min(asked, shape.new_images)
            taken.add(index)
    plan.found = dict.fromkeys(episodes, 0)
    for index, animal in enumerate(divided):
        if index in taken or not animal.enrolled or not animal.askable:
            continue
        part = min(episodes, key=lambda name: plan.found[name])
        if plan.found[part] >= plan.n_known:
            break
        plan.known[part].append(index)
        room = plan.n_known - plan.found[part]
        plan.found[part] += min(room, shape.known_images, len(flat(animal.askable)))
    return plan


def _lost(animal: _Animal, shape: Shape, *, whole: bool) -> int:
    enrolled, asked = len(flat(animal.enrolled)), len(flat(animal.askable))
    return enrolled + asked - shape.new_images if whole else enrolled


def _count(animal: _Animal, *, whole: bool) -> int:
    return len(flat(animal.askable)) + (len(flat(animal.enrolled)) if whole else 0)


def _write(
    divided: list[_Animal],
    plan: _Plan,
    shape: Shape,
    episodes: Sequence[str],
    parts: NDArray[np.object_],
    *,
    later: bool,
) -> None:
    for animal in divided:
        parts[flat(animal.enrolled)] = "gallery"
        if not later:
            parts[flat(animal.askable)] = "gallery"
    for part in episodes:
        left = plan.n_known
        for index in plan.known[part]:
            asked = 0
            for encounter in divided[index].askable:
                room = min(shape.known_images - asked, left)
                if room <= 0:
                    break
                parts[encounter] = "unused"
                parts[encounter[:room]] = part
                asked += min(room, len(encounter))
                left -= min(room, len(encounter))
        brought = []
        for index in plan.new[part]:
            animal = divided[index]
            parts[flat(animal.enrolled)] = parts[flat(animal.askable)] = "unused"
            rows = flat(animal.askable) if later else flat(animal.enrolled) + flat(animal.askable)
            brought.append(rows[: shape.new_images])
        # One image of each animal, then a second of each, and so on, until the share is reached.
        turns = sorted((turn, owner, row) for owner, rows in enumerate(brought) for turn, row in enumerate(rows))
        for _, _, row in turns[: max(plan.n_new, len(brought))]:
            parts[row] = part
