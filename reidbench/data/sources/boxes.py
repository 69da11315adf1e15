"""Read a column of boxes: in pixels as ``[x, y, width, height]``, as corners, or as shares of the picture.

A wrong guess would crop another part of every picture, so boxes that fit another form better are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reidbench.data.picture_size import upright_size
from reidbench.data.reading import BoxCounts
from reidbench.data.sources.cells import bounding_box
from reidbench.errors import ReidbenchError

SMALL = 32  # pixels; a crop under this side holds hardly anything that a method can compare
REMEDY = (
    "write bbox as [x, y, width, height] in pixels of the upright picture, or leave it empty; --bbox names other forms"
)
_EDGE = 1.0  # pixels that a box may leave the picture by rounding


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
        form: ``xywh``, ``xyxy`` or ``relative``; empty if the user names none. Boxes are then read as ``xywh``,
            unless they seem to have another form.
        where: The table, for errors.

    Raises:
        ReidbenchError: The user names no form, and the boxes seem to be corners or shares of the picture.
    """
    numbers: dict[int, tuple[float, ...]] = {}
    problems: dict[int, str] = {}
    for row, cell in enumerate(cells):
        box = bounding_box(cell)
        if isinstance(box, tuple) and len(box) == 4 and all(map(math.isfinite, box)):
            numbers[row] = box
        elif box is not None:
            problems[row] = f"bbox {cell!r} is not a box: it needs four numbers"
    with ThreadPoolExecutor(max_workers=2) as pool:
        sizes = dict(zip(numbers, pool.map(lambda row: upright_size(paths[row]), numbers), strict=True))
    if not form:
        _refuse_shares(numbers, where)
        _refuse_corners(numbers, sizes, where)
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
    return Boxes(boxes, dict(sorted(problems.items())), BoxCounts(len(numbers), n_cut, n_small))


def _pixels(
    four: tuple[float, ...], form: str, size: tuple[int, int] | None
) -> tuple[tuple[float, float, float, float], str]:
    """Return a box as ``(x, y, width, height)`` in pixels, and what is wrong with it."""
    x, y, width, height = four
    if form == "xyxy":
        width, height = width - x, height - y
    if form == "relative":
        if min(four) < 0 or max(x + width, y + height) > 1.001:
            return (x, y, width, height), f"the box {_shown(four)} is no share of the picture, from 0 to 1"
        across, down = size or (0, 0)
        x, y, width, height = x * across, y * down, width * across, height * down
        if size is None:
            return (x, y, width, height), "the size of the picture cannot be read, which a relative box needs"
    problem = "" if width > 0 and height > 0 else f"bbox {_shown(four)} is not a box: width or height is not above 0"
    return (x, y, width, height), problem


def _refuse_shares(numbers: Mapping[int, tuple[float, ...]], where: str) -> None:
    if numbers and all(max(map(abs, four)) <= 1 for four in numbers.values()):
        raise ReidbenchError(
            f"the boxes seem to be shares of the picture: no number of the {len(numbers)} boxes is above 1, such as "
            f"{_shown(next(iter(numbers.values())))}",
            where=where,
            remedy="--bbox relative   # reads [x, y, width, height] as shares; --bbox xywh reads them as pixels",
        )


def _refuse_corners(
    numbers: Mapping[int, tuple[float, ...]], sizes: Mapping[int, tuple[int, int] | None], where: str
) -> None:
    """Refuse boxes of which most leave their picture, if all are within it as corners."""
    known = [(four, size) for row, four in numbers.items() if (size := sizes[row]) is not None]
    leaving = sum(_leaves(four, size) for four, size in known)
    corners = [((x, y, right - x, bottom - y), size) for (x, y, right, bottom), size in known]
    fitting = all(
        width > 0 and height > 0 and not _leaves(box, size) for box, size in corners for width, height in [box[2:]]
    )
    if 2 * leaving > len(known) and fitting:
        raise ReidbenchError(
            f"the boxes seem to be corners [left, top, right, bottom]: as [x, y, width, height], {leaving} of "
            f"{len(known)} leave their picture; as corners, all are within it, such as {_shown(known[0][0])}",
            where=where,
            remedy="--bbox xyxy   # reads corners; --bbox xywh reads [x, y, width, height] and cuts the boxes",
        )


def _leaves(box: tuple[float, ...], size: tuple[int, int]) -> bool:
    x, y, width, height = box
    return x < -_EDGE or y < -_EDGE or x + width > size[0] + _EDGE or y + height > size[1] + _EDGE


def _shown(four: tuple[float, ...]) -> str:
    return "[" + ", ".join(f"{number:g}" for number in four) + "]"
