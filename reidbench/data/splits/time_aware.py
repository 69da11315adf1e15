"""Splits by time: earlier photographs are enrolled, later ones are queries.

Photographs of one day share light, place and pose. A split that deals single photographs therefore has queries of
enrolled days. :func:`deal_torn` makes such a split, with the same animals and numbers, for a comparison.

Sources: ``TimeProportionSplit``, ``TimeProportionOpenSetSplit``, ``TimeCutoffSplit`` and ``resplit_random`` of
wildlife-datasets; Adam, Čermák, Papafitsoros and Picek 2024 (SeaTurtleID2022).
"""

from __future__ import annotations

import datetime
from collections import defaultdict

from reidbench.data.splits.dealing import Group, deal, gather
from reidbench.data.splits.split import QUERIES
from reidbench.errors import ReidbenchError

_EXAMPLE = "--split-kind time-cutoff=2022-06-01,2023-01-01"


def earlier_first(n_encounter: int, first: str, second: str) -> list[str]:
    """Enrol the earlier half of an animal's days; the next days are calibration queries, the last test queries.

    Halves are rounded as in wildlife-datasets, and at least one day is a query. Of an odd number of query days, the
    part with fewer queries, ``first``, gets one more.

    Example:
        >>> earlier_first(5, "test", "calibration")
        ['gallery', 'gallery', 'calibration', 'test', 'test']
    """
    n_gallery = max(1, min(n_encounter - 1, round(n_encounter / 2)))
    n_asked = n_encounter - n_gallery
    n_calibration = n_asked // 2 + (n_asked % 2 if first == "calibration" else 0)
    return ["gallery"] * n_gallery + ["calibration"] * n_calibration + ["test"] * (n_asked - n_calibration)


def deal_in_time(group: Group) -> None:
    """Divide the days of each known animal in order of time."""
    date = group.images.date.tolist()
    animals = gather(group)
    in_time = {name: sorted(found, key=lambda rows: _first(date, rows)) for name, found in animals.items()}
    names = group.shuffle(sorted(animals), "identities")
    deal([in_time[name] for name in names], group.parts, group.share, earlier_first)


def deal_torn(group: Group) -> None:
    """Deal by time, then exchange the photographs of each known animal among its parts, whatever their day."""
    deal_in_time(group)
    for name, encounters in gather(group).items():
        rows = sorted(row for encounter in encounters for row in encounter)
        dealt = [group.parts[row] for row in rows]
        if "gallery" in dealt:
            for row, part in zip(group.shuffle(rows, f"photographs of {name}"), dealt, strict=True):
                group.parts[row] = part


class Cutoff:
    """Enrol photographs from before a first day; later ones are calibration queries until a second day, then test.

    Unknown animals are those without a photograph before the first day, however many there are.

    Args:
        text: Empty, the first day, or both days with a comma between them. A day that is not given is chosen in each
            group: the first day has half of the encounters before it, the second day halves the rest.

    Raises:
        ReidbenchError: The text is anything else.
    """

    def __init__(self, text: str = "") -> None:
        self._days = [_day(part) for part in text.split(",")] if text else []
        if len(self._days) > 2 or self._days != sorted(set(self._days)):
            raise ReidbenchError(
                f"'{text}' is neither a day nor two days in order",
                where=f"--split-kind time-cutoff={text}",
                remedy=f"write the first day of calibration and the first of test: {_EXAMPLE}",
            )

    def __call__(self, group: Group) -> None:
        """Give every image of a group its part."""
        date = group.images.date.tolist()
        animals = gather(group)
        asked_from, test_from = self._boundaries(sorted(_first(date, e) for found in animals.values() for e in found))
        seen: dict[str, set[str]] = defaultdict(set)
        for name, found in animals.items():
            for encounter in found:
                day = _first(date, encounter)
                part = "gallery" if day < asked_from else "calibration" if day < test_from else "test"
                group.parts[encounter] = part
                seen[name].add(part)
        self._part_new_animals(group, animals, seen)

    def _boundaries(self, days: list[str]) -> tuple[str, str]:
        asked_from = self._days[0] if self._days else _middle(days)
        later = [day for day in days if day >= asked_from]
        return asked_from, self._days[1] if len(self._days) > 1 else _middle(later)

    @staticmethod
    def _part_new_animals(group: Group, animals: dict[str, list[list[int]]], seen: dict[str, set[str]]) -> None:
        """Keep the queries of an unknown animal in one part only: the part with fewer unknown animals."""
        new = [name for name, parts in seen.items() if "gallery" not in parts]
        count = {part: sum(seen[name] == {part} for name in new) for part in QUERIES}
        for name in group.shuffle(sorted(name for name in new if len(seen[name]) > 1), "new animals"):
            kept = min(QUERIES, key=lambda part: count[part])
            count[kept] += 1
            for encounter in animals[name]:
                if group.parts[encounter[0]] != kept:
                    group.parts[encounter] = "unused"


def _first(date: list[str], encounter: list[int]) -> str:
    """Return the day on which an encounter begins; an encounter may pass midnight."""
    return min(date[row] for row in encounter)


def _middle(days: list[str]) -> str:
    """Return the day with half of the sorted ``days`` before it, at least one; the last if all are the same day."""
    if not days:
        return ""
    later = [day for day in days if day > days[0]]
    return max(days[len(days) // 2], later[0]) if later else days[-1]


def _day(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise ReidbenchError(
            f"'{text}' is not a day", where=f"--split-kind time-cutoff={text}", remedy=f"write days so: {_EXAMPLE}"
        ) from None
