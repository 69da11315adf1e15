"""Read a column of boxes: in pixels as ``[x, y, width, height]``, as corners, or as shares or percent of the picture.

A wrong guess would crop another part of every picture, so boxes that fit another form better are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reidbench.data.picture_size import read_size
from reidbench.data.reading import BoxCounts
from reidbench.data.sources.cells import bounding_box
from reidbench.errors import ReidbenchError

SMALL = 32  # pixels; a crop under this side holds hardly anything that a method can compare
REMEDY = (
    "write bbox as [x, y, width, height] in pixels of the upright picture, or leave it empty; --bbox names other forms"
)
_EDGE = 1.0  # pixels that a box may leave the picture by rounding
_LARGEST = 1e9  # a larger number is no pixel of any picture
_CORNERS = 0.1  # largest share of boxes that leave their picture where corners are not suspected
_LARGE_SIDE = 300  # pixels; boxes that all end before pixel 100 of larger pictures are probably percent
_FEW = 5  # boxes; fewer may all be at the top left by chance


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of a column.

    Attributes:
        boxes: ``(x, y, width, height)`` in pixels, ``None`` for no box, for each cell.
        problems: The fault of each wrong cell, by its place; such a cell has the box ``None``.
        counts: Numbers of boxes.
    """

    boxes: list[tuple[float, ...] | None]
    problems: Mapping[int, str]
    counts: BoxCounts


def read_boxes(cells: Sequence[Any], paths: Sequence[Path], form: str = "", where: str = "") -> Boxes:
    """Read the boxes of pictures.

    Args:
        cells: A cell for each picture.
        paths: The files of the pictures, whose sizes are read if they have a box.
        form: One of :data:`reidbench.data.reading.BOX_FORMS`; empty if the user names none. Boxes are then read
            as ``xywh``, unless they seem to have another form.
        where: The table, for errors.

    Raises:
        ReidbenchError: The user names no form, and the boxes seem to be corners or shares of the picture.
    """
    numbers: dict[int, tuple[float, ...]] = {}
    problems: dict[int, str] = {}
    for row, cell in enumerate(cells):
        box = bounding_box(cell)
        if (
            isinstance(box, tuple)
            and len(box) == 4
            and all(math.isfinite(each) and abs(each) < _LARGEST for each in box)
        ):
            numbers[row] = box
        elif box is not None:
            problems[row] = f"bbox {cell!r} is not a box: it needs four numbers" + " of a picture" * _has_large(box)
    with ThreadPoolExecutor(max_workers=2) as pool:
        read = dict(zip(numbers, pool.map(lambda row: read_size(paths[row]), numbers), strict=True))
    sizes = {row: size for row, (size, _) in read.items()}
    turned = [row for row, (_, is_turned) in read.items() if is_turned]
    # No form has a box such as [0, 0, 0, 0], so it shows nothing about the form; it is refused below.
    likely = {row: four for row, four in numbers.items() if four[2] > 0 and four[3] > 0}
    if likely and not form:
        _refuse_shares(likely, where)
        _refuse_percent(likely, sizes, where)
        _refuse_stored(likely, sizes, [row for row in turned if row in likely], where)
        _refuse_corners(likely, sizes, where)
    boxes: list[tuple[float, ...] | None] = [None] * len(cells)
    n_cut = n_small = 0
    for row, four in numbers.items():
        size = sizes[row]
        box, problem = _pixels(four, form, size)
        if not problem and size is not None:
            width, height = size
            left, top = max(0, round(box[0])), max(0, round(box[1]))
            right, bottom = min(width, round(box[0] + box[2])), min(height, round(box[1] + box[3]))
            if left >= right or top >= bottom:
                problem = f"the box {_shown(four)} is outside the picture, which has {width} x {height} pixels"
            else:
                n_cut += _leaves(box, size)
                n_small += min(right - left, bottom - top) < SMALL
        if problem:
            problems[row] = problem
        else:
            boxes[row] = box
    return Boxes(boxes, dict(sorted(problems.items())), BoxCounts(len(numbers), n_cut, n_small, len(turned)))


def _pixels(
    four: tuple[float, ...], form: str, size: tuple[int, int] | None
) -> tuple[tuple[float, float, float, float], str]:
    """Return a box as ``(x, y, width, height)`` in pixels, and what is wrong with it."""
    x, y, width, height = four
    if form == "xyxy":
        width, height = width - x, height - y
    if form == "percent":
        x, y, width, height = (number / 100 for number in four)
    if form in ("relative", "percent"):
        if min(four) < 0 or max(x + width, y + height) > 1.001:
            unit = "no share of the picture, from 0 to 1" if form == "relative" else "no percentage, from 0 to 100"
            return (x, y, width, height), (
                f"the box {_shown(four)} is {unit}: left + width or top + height is too large, as if x and y were the "
                "centre of the box or the box were in pixels"
            )
        across, down = size or (0, 0)
        x, y, width, height = x * across, y * down, width * across, height * down
        if size is None:
            return (x, y, width, height), "the size of the picture cannot be read, which a relative box needs"
    problem = "" if width > 0 and height > 0 else f"bbox {_shown(four)} is not a box: width or height is not above 0"
    return (x, y, width, height), problem


def _refuse_shares(numbers: Mapping[int, tuple[float, ...]], where: str) -> None:
    """Refuse boxes that seem to be shares: all have no number above 1, or some have fractions and none above 1."""
    alike = [four for four in numbers.values() if max(map(abs, four)) <= 1]
    if alike and (len(alike) == len(numbers) or any(number % 1 for four in alike for number in four)):
        some = f"{len(alike)} of the {len(numbers)} boxes have no number above 1"
        raise ReidbenchError(
            "the boxes seem to be shares of the picture: "
            + (f"no number of the {len(numbers)} boxes is above 1" if len(alike) == len(numbers) else some)
            + f", such as {_shown(alike[0])}",
            where=where,
            remedy="--bbox relative   # reads [x, y, width, height] as shares; --bbox xywh reads them as pixels",
        )


def _refuse_percent(
    numbers: Mapping[int, tuple[float, ...]], sizes: Mapping[int, tuple[int, int] | None], where: str
) -> None:
    """Refuse boxes that all end before pixel 100 of large pictures."""
    sides = [min(size) for size in sizes.values() if size is not None]
    if len(sides) >= _FEW and min(sides) >= _LARGE_SIDE and all(map(_is_percent, numbers.values())):
        raise ReidbenchError(
            f"the boxes seem to be percent of the picture: all {len(numbers)} end before pixel 100, and no picture has "
            f"a side under {min(sides)} pixels, such as {_shown(next(iter(numbers.values())))}",
            where=where,
            remedy="--bbox percent   # reads [x, y, width, height] as percent; --bbox xywh reads them as pixels",
        )


def _is_percent(four: tuple[float, ...]) -> bool:
    return min(four) >= 0 and max(four[0] + four[2], four[1] + four[3]) <= 100 + _EDGE


def _refuse_stored(
    numbers: Mapping[int, tuple[float, ...]],
    sizes: Mapping[int, tuple[int, int] | None],
    turned: Sequence[int],
    where: str,
) -> None:
    """Refuse boxes in pixels of the stored picture, if EXIF turns it and the upright one does not hold them."""
    pairs = [(numbers[row], size) for row in turned if (size := sizes[row]) is not None]
    stored = [four for four, size in pairs if _leaves(four, size) and not _leaves(four, (size[1], size[0]))]
    if stored and all(not _leaves(four, (size[1], size[0])) for four, size in pairs):
        raise ReidbenchError(
            f"{len(stored)} boxes seem to be in pixels of the stored picture, which EXIF turns by 90 degrees: they "
            f"leave the upright picture, such as {_shown(stored[0])}",
            where=where,
            remedy="write boxes in pixels of the upright picture, as viewers show it; --bbox xywh reads these and cuts "
            "them at the edge",
        )


def _has_large(box: Any) -> bool:
    return isinstance(box, tuple) and any(math.isfinite(each) and abs(each) >= _LARGEST for each in box)


def _refuse_corners(
    numbers: Mapping[int, tuple[float, ...]], sizes: Mapping[int, tuple[int, int] | None], where: str
) -> None:
    """Refuse boxes of which more than a tenth leave their picture, if all are within it in another form."""
    known = [(four, size) for row, four in numbers.items() if (size := sizes[row]) is not None]
    leaving = sum(_leaves(four, size) for four, size in known)
    corners = [((x, y, right - x, bottom - y), size) for (x, y, right, bottom), size in known]
    fitting = all(
        width > 0 and height > 0 and not _leaves(box, size) for box, size in corners for width, height in [box[2:]]
    )
    if leaving <= _CORNERS * len(known):
        return
    centred = all(
        not _leaves((x - width / 2, y - height / 2, width, height), size) for (x, y, width, height), size in known
    )
    forms = ["corners [left, top, right, bottom]"] * fitting + ["[centre x, centre y, width, height]"] * centred
    if forms:
        percent = all(map(_is_percent, numbers.values()))
        raise ReidbenchError(
            f"the boxes seem to be {' or '.join(forms)}: as [x, y, width, height], {leaving} of "
            f"{len(known)} leave their picture; so read, all are within it, such as {_shown(known[0][0])}",
            where=where,
            remedy="; ".join([
                *["--bbox xyxy   # reads corners"] * fitting,
                *["if x and y are the centre, write x - width / 2 and y - height / 2"] * centred,
                "--bbox xywh reads [x, y, width, height] and cuts the boxes",
                *["--bbox percent reads percent of the picture"] * percent,
            ]),
        )  # fmt: skip


def _leaves(box: tuple[float, ...], size: tuple[int, int]) -> bool:
    x, y, width, height = box
    return x < -_EDGE or y < -_EDGE or x + width > size[0] + _EDGE or y + height > size[1] + _EDGE


def _shown(four: tuple[float, ...]) -> str:
    return "[" + ", ".join(f"{number:g}" for number in four) + "]"
