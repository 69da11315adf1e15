"""Decode masks of animals (column ``segmentation`` of a table) to the pixels that show the animal.

A cell has one of the forms of COCO and wildlife-datasets: a polygon ``[x1, y1, x2, y2, …]`` or several; run lengths
``{"size": [height, width], "counts": …}``, as numbers or in COCO's compressed text; or the path of an image. In a CSV,
a cell is text in any of these forms. A mask has the coordinates of the upright photograph, as a box has.

Source of the run lengths and their compression: ``maskApi.c`` of pycocotools. The library itself is not used, because
it returns uninitialised memory for some broken text and takes all memory for a polygon with a distant corner.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps

from reidbench.data.pictures import check_fits, open_picture
from reidbench.errors import ReidbenchError
from reidbench.untrusted.reading import read_regular

_FAR = 1_000_000  # pixels: no photograph is as wide, and OpenCV's arithmetic is still exact
_REMEDY = (
    'write segmentation as [x1, y1, x2, y2, …] in pixels, as {"size": [height, width], "counts": …}, or as the path of '
    "a mask of the photograph's size; or leave it empty"
)


def decode_mask(cell: Any, root: Path, shape: tuple[int, int], where: str = "") -> NDArray[np.bool_]:
    """Return which pixels of a photograph show the animal.

    Args:
        cell: A cell that contains a mask.
        root: Folder that the path of a mask file starts from.
        shape: Height and width of the upright photograph.
        where: File and row, for the message of an error.

    Returns:
        ``(height, width)``, true on the animal. In a mask file, these are the pixels lighter than half of the
        lightest; in a file with a transparent background, those that are not transparent.

    Raises:
        ReidbenchError: The cell can't be read, or its mask has another size.

    Example:
        >>> decode_mask({"size": [2, 3], "counts": [2, 3, 1]}, Path(), (2, 3)).astype(int).tolist()
        [[0, 1, 1], [0, 1, 0]]
    """
    try:
        return _read(_parsed(cell), root, shape)
    except ValueError as error:
        raise ReidbenchError(f"segmentation {_shown(cell)} is no mask: {error}", where=where, remedy=_REMEDY) from error


def mask_digest(cell: Any, root: Path, where: str = "") -> str:
    """Return the SHA-256 of a mask: of the bytes of its file, or of its numbers.

    Args:
        cell: A cell that contains a mask.
        root: Folder that the path of a mask file starts from.
        where: File and row, for the message of an error.

    Raises:
        ReidbenchError: The file can't be read.
    """
    try:
        parsed = _parsed(cell)
        if isinstance(parsed, str):
            content = read_regular(root / parsed.strip())
        else:
            content = json.dumps(parsed, sort_keys=True, default=_plain).encode()
    except (OSError, ValueError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise ReidbenchError(
            f"segmentation {_shown(cell)} is no mask: {reason}", where=where, remedy=_REMEDY
        ) from error
    return hashlib.sha256(content).hexdigest()


def absolute_mask(cell: Any, root: Path) -> Any:
    """Return a cell in which the path of a mask file is absolute; another cell stays as it is."""
    parsed = cell if cell is None else _parsed(cell)
    return str((root / parsed.strip()).resolve()) if isinstance(parsed, str) else cell


def _plain(value: Any) -> Any:
    """Convert arrays and bytes, which tables can hold, for JSON."""
    return value.decode("latin-1") if isinstance(value, bytes) else np.asarray(value).tolist()


def _shown(cell: Any) -> str:
    return str(cell) if len(str(cell)) <= 60 else f"{str(cell)[:60]}…"


def _parsed(cell: Any) -> Any:
    """Parse a cell of text that contains numbers; a path stays as it is."""
    if not isinstance(cell, str) or cell.lstrip()[:1] not in ("[", "(", "{"):
        return cell
    try:
        return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError("the numbers cannot be read") from None


def _read(mask: Any, root: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    if isinstance(mask, str):
        return _from_file(root / mask.strip(), shape)
    if isinstance(mask, Mapping):
        return _from_runs(mask, shape)
    if isinstance(mask, np.ndarray):
        mask = mask.tolist()
    if isinstance(mask, (list, tuple)) and len(mask):
        several = isinstance(mask[0], (list, tuple, np.ndarray))
        return _from_polygons(mask if several else [mask], shape)
    raise ValueError(f"{type(mask).__name__} is neither numbers nor a path")


def _check_size(size: tuple[int, ...], shape: tuple[int, int]) -> None:
    if size != shape:
        raise ValueError(f"it has {size[1]} x {size[0]} pixels, but its photograph {shape[1]} x {shape[0]}")


def _from_file(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    try:
        with open_picture(path) as opened:
            check_fits(opened, path)
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            if upright.mode in ("P", "PA"):
                upright = upright.convert("RGBA" if "transparency" in upright.info or upright.mode == "PA" else "RGB")
            pixels = np.asarray(upright)
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the file cannot be read: {error}") from error
    _check_size(pixels.shape[:2], shape)
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        opaque = pixels[..., -1]
        pixels = pixels[..., :-1] if opaque.min() == opaque.max() else opaque
    if pixels.ndim == 3:
        pixels = pixels.max(axis=2)
    return np.asarray(pixels > pixels.max() / 2, dtype=bool)


def _from_polygons(polygons: Sequence[Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill all polygons, outlines included: an animal has several if something in front of it divides it."""
    filled = np.zeros(shape, np.uint8)
    for polygon in polygons:
        try:
            corners = np.asarray(polygon, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError("a polygon is a list of numbers") from None
        if corners.ndim != 1 or len(corners) < 6 or len(corners) % 2:
            raise ValueError("a polygon has three corners or more, each with x and y")
        if not (np.abs(corners) < _FAR).all():  # nan is not below either
            raise ValueError(f"a corner is not within {_FAR} pixels")
        cv2.fillPoly(filled, [np.rint(corners).astype(np.int32).reshape(-1, 1, 2)], 1)
    return filled.astype(bool)


def _from_runs(mask: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill the columns from top to bottom with runs of background and animal in turn, as COCO does."""
    try:
        height, width = (int(side) for side in mask["size"])
        counts = mask["counts"]
        runs = _uncompressed(counts) if isinstance(counts, (str, bytes)) else [int(count) for count in counts]
    except (KeyError, TypeError, OverflowError):
        raise ValueError("run lengths have a size [height, width] and counts") from None
    _check_size((height, width), shape)
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"its runs cover {sum(runs)} pixels of {height} x {width}")
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(inside.reshape(width, height).T)


def _uncompressed(counts: str | bytes) -> list[int]:
    """Read COCO's compressed run lengths.

    A character holds five bits, the lowest first. From the fourth run on, each run is written as the difference from
    the run two before.
    """
    runs: list[int] = []
    value = shift = 0
    for code in counts.encode("latin-1", errors="replace") if isinstance(counts, str) else counts:
        bits = code - 48
        if not 0 <= bits < 64:
            raise ValueError("its counts are not COCO's compressed text")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:  # more of this run follows
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its counts end within a number")
    return runs
