"""Numbers of images and animals in the AnimalCLEF folders, and in a miniature of them.

The numbers of the edition 2025 are those of the published ``metadata.csv``. The numbers of query images of each animal,
and the number of horned lizards of 2026, are not published; they are invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Group:
    """One dataset of a folder.

    Attributes:
        name: Value of the column ``dataset``.
        species: Value of the column ``species``.
        database: Number of database images of each animal.
        known: Number of query images of each known animal; not more animals than in the database.
        new: Number of query images of each new animal.
        dated: Share of the images that have a date, 0 to 1.
        later: Whether every query is later than the database.
    """

    name: str
    species: str
    database: tuple[int, ...]
    known: tuple[int, ...]
    new: tuple[int, ...]
    dated: float = 0.0
    later: bool = False

    def __post_init__(self) -> None:
        if len(self.known) > len(self.database):
            raise ValueError(
                f"{self.name} has queries of {len(self.known)} known animals, but {len(self.database)} in the database"
            )


def heavy_tailed(n_image: int, n_identity: int, n_single: int, median: int, most: int) -> tuple[int, ...]:
    """Return increasing numbers of images with a given sum, count, number of ones, median and maximum.

    Below the median they increase linearly, above it by a power that gives the sum.

    Raises:
        ValueError: There are no such numbers.

    Example:
        >>> heavy_tailed(20, 5, 1, 3, 8)
        (1, 2, 3, 6, 8)
    """
    middle = n_identity // 2
    sizes = np.ones(n_identity, dtype=np.int64)
    if n_single <= middle:
        sizes[n_single : middle + 1] = np.linspace(2, median, middle + 1 - n_single).round()
        sizes[middle] = median
    start = max(n_single, middle + 1)
    floor = max(2, median)
    place = np.linspace(0, 1, n_identity - start) if n_identity - start > 1 else np.ones(1)

    def upper(power: float) -> np.ndarray:
        return np.asarray((floor + (most - floor) * place**power).round(), dtype=np.int64)

    low, high = 0.01, 200.0
    for _ in range(200):
        power = (low + high) / 2
        low, high = (power, high) if sizes[:start].sum() + upper(power).sum() > n_image else (low, power)
    sizes[start:] = upper(high)
    left = n_image - int(sizes.sum())
    for index in range(n_identity - 2, start - 1, -1):  # images left after rounding go to the next largest animals
        room = most - int(sizes[index])
        added = min(left, room)
        sizes[index] += added
        left -= added
    if left:
        raise ValueError(f"{n_image} images of {n_identity} animals cannot have this median and maximum")
    return tuple(int(size) for size in np.sort(sizes))


def evenly(n_image: int, n_identity: int) -> tuple[int, ...]:
    """Return numbers of images with a given sum and count that differ by at most one.

    Example:
        >>> evenly(7, 3)
        (3, 2, 2)
    """
    return tuple(n_image // n_identity + (index < n_image % n_identity) for index in range(n_identity))


LYNX = Group("LynxID2025", "lynx", heavy_tailed(2957, 77, 6, 17, 353), evenly(688, 19), evenly(258, 22))
SALAMANDER = Group(
    "SalamanderID2025", "salamander", heavy_tailed(1388, 587, 310, 1, 12), evenly(480, 479), evenly(209, 59), dated=0.8
)
TURTLE = Group(
    "SeaTurtleID2022",
    "loggerhead turtle",
    heavy_tailed(8729, 438, 1, 13, 190),
    evenly(250, 50),
    evenly(250, 50),
    dated=1.0,
    later=True,
)
LIZARD = Group("TexasHornedLizards", "texas horned lizard", (), (), evenly(274, 90))
FULL = {2025: (LYNX, SALAMANDER, TURTLE), 2026: (LYNX, SALAMANDER, TURTLE, LIZARD)}

_SMALL = (
    Group("LynxID2025", "lynx", heavy_tailed(90, 14, 2, 5, 16), evenly(20, 4), evenly(8, 3)),
    Group(
        "SalamanderID2025", "salamander", heavy_tailed(75, 36, 14, 2, 6), evenly(15, 14), evenly(7, 3), dated=0.8
    ),
    Group(
        "SeaTurtleID2022", "loggerhead turtle", heavy_tailed(150, 18, 1, 7, 20), evenly(10, 4), evenly(10, 4),
        dated=1.0, later=True,
    ),
)  # fmt: skip
MINIATURE = {2025: _SMALL, 2026: (*_SMALL, Group("TexasHornedLizards", "texas horned lizard", (), (), evenly(9, 4)))}
