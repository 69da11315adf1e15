"""Splits that know of time: later photographs are asked about, earlier ones are enrolled.

Photographs of one day share light, place and pose, so a split that deals photographs one by one asks about days that
it has enrolled. :func:`deal_torn` does just that, with the same animals and numbers, so that the two can be compared.

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
    """Enrol the earlier half of an animal's days, calibrate on the next, and test on the last.

    Halves are rounded as wildlife-datasets rounds them, and one day at least is asked about; of an odd number of those
    the part with fewer queries, ``first``, has one more.

    Example:
        >>> earlier_first(5, "test", "calibration")
        ['gallery', 'gallery', 'calibration', 'test', 'test']
    """
    n_gallery = max(1, min(n_encounter - 1, round(n_encounter / 2)))
    n_asked = n_encounter - n_gallery
    n_calibration = n_asked // 2 + (n_asked % 2 if first == "calibration" else 0)
    return ["gallery"] * n_gallery + ["calibration"] * n_calibration + ["test"] * (n_asked - n_calibration)


def deal_in_time(group: Group) -> None:
    """Part the days of each enrolled animal in order of time."""
    date = group.images.table["date"].tolist()
    animals = gather(group)
    in_time = {name: sorted(found, key=lambda rows: date[rows[0]]) for name, found in animals.items()}
    names = group.shuffle(sorted(animals), "identities")
    deal([in_time[name] for name in names], group.parts, group.share, earlier_first)


def deal_torn(group: Group) -> None:
    """Deal as in time, then exchange the photographs of each enrolled animal among its parts, whatever their day."""
    deal_in_time(group)
    for name, encounters in gather(group).items():
        rows = sorted(row for encounter in encounters for row in encounter)
        dealt = [group.parts[row] for row in rows]
        if "gallery" in dealt:
            for row, part in zip(group.shuffle(rows, f"photographs of {name}"), dealt, strict=True):
                group.parts[row] = part


class Cutoff:
    """Enrol what was seen before one day, calibrate until another, and test on what came after.

    New animals are those that nobody had seen before the first day, in whatever number they came.

    Args:
        text: Nothing, a day from which photographs are asked about, or that day and the first of the test, with a
            comma between. What is not given is chosen in each group: the day before which half of the encounters lie,
            and the day that halves the rest.

    Raises:
        ReidbenchError: Something else is written.
    """

    def __init__(self, text: str = "") -> None:
        self._days = [_day(part) for part in text.split(",")] if text else []
        if len(self._days) > 2 or self._days != sorted(set(self._days)):
            raise ReidbenchError(
                f"'{text}' is not a day, or two with the earlier first",
                where=f"--split-kind time-cutoff={text}",
                remedy=f"write the first day of calibration and the first of test: {_EXAMPLE}",
            )

    def __call__(self, group: Group) -> None:
        """Give every image of a group its part."""
        date = group.images.table["date"].tolist()
        animals = gather(group)
        asked_from, test_from = self._boundaries(sorted(date[e[0]] for found in animals.values() for e in found))
        seen: dict[str, set[str]] = defaultdict(set)
        for name, found in animals.items():
            for encounter in found:
                day = date[encounter[0]]
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
        """Ask about a new animal in one part only: the one with fewer of them."""
        new = [name for name, parts in seen.items() if "gallery" not in parts]
        count = {part: sum(seen[name] == {part} for name in new) for part in QUERIES}
        for name in group.shuffle(sorted(name for name in new if len(seen[name]) > 1), "new animals"):
            kept = min(QUERIES, key=lambda part: count[part])
            count[kept] += 1
            for encounter in animals[name]:
                if group.parts[encounter[0]] != kept:
                    group.parts[encounter] = "unused"


def _middle(days: list[str]) -> str:
    """Return the day before which half of ``days``, sorted, lie, one at least; the latest where all are one day."""
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
