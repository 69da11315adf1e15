"""Photographs of a dataset on one small picture: a row for each of a few animals, with dates from left to right."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import Images

LARGEST = 100_000
"""Most bytes of a sheet, so that it fits into a repository or a mail."""
_QUALITIES = range(90, 10, -5)


def contact_sheet(images: ImageSet, *, animals: int = 2, photographs: int = 8, side: int = 104) -> bytes:
    """Return a JPEG of the animals with most photographs, the same number from each group.

    Args:
        images: The dataset.
        animals: Most rows of each group.
        photographs: Photographs in a row; an animal with fewer has empty places.
        side: Longer side of each photograph, in pixels.

    Returns:
        At most :data:`LARGEST` bytes, unless the picture is larger at the lowest quality.
    """
    rows = []
    for _, of_group in images.table.groupby("group"):
        counts = of_group["identity"].value_counts(sort=True)
        for identity in counts.index[:animals]:
            of_one = of_group[of_group["identity"] == identity].sort_values(["date", "image_id"])
            n_shown = min(photographs, len(of_one))
            chosen = of_one.index[np.linspace(0, len(of_one) - 1, n_shown).round().astype(int)]
            row = [_fitted(images, int(index), side) for index in chosen]
            row += [np.full((side, side, 3), 255, np.uint8)] * (photographs - n_shown)
            rows.append(np.hstack(row))
    content = b""
    for quality in _QUALITIES:
        coded = cv2.imencode(".jpg", np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        content = coded.tobytes()
        if len(content) <= LARGEST:
            break
    return content


def mask_sheet(images: ImageSet, *, photographs: int = 40, columns: int = 8, side: int = 128) -> bytes:
    """Return a JPEG of photographs with their masks: the background is dark, and a red line goes around the animal.

    Args:
        images: The dataset, with masks.
        photographs: Number of photographs, evenly spaced over the rows of the dataset.
        columns: Photographs in a row.
        side: Longer side of each photograph, in pixels.
    """
    places = np.linspace(0, len(images) - 1, min(photographs, len(images))).round().astype(int)
    shown = Images(images.take(places), masks=True)
    squares = [_outlined(shown.pixels(index), shown.mask(index), side) for index in range(len(shown))]
    squares += [np.full((side, side, 3), 255, np.uint8)] * (-len(squares) % columns)
    rows = [np.hstack(squares[start : start + columns]) for start in range(0, len(squares), columns)]
    return bytes(cv2.imencode(".jpg", np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


def _outlined(pixels: NDArray[np.uint8], mask: NDArray[np.bool_] | None, side: int) -> NDArray[np.uint8]:
    small = _in_square(pixels, side)
    if mask is None:
        return small
    inside = _in_square(np.dstack([mask.astype(np.uint8) * 255] * 3), side)[:, :, 0] > 127
    height, width = _fitted_size(pixels, side)
    top, left = (side - height) // 2, (side - width) // 2
    inside[:top], inside[top + height :], inside[:, :left], inside[:, left + width :] = False, False, False, False
    picture = small[top : top + height, left : left + width]
    picture[~inside[top : top + height, left : left + width]] //= 3
    outline, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(small, outline, -1, (255, 0, 0), 1), dtype=np.uint8)


def _fitted(images: ImageSet, row: int, side: int) -> NDArray[np.uint8]:
    """Return an image in the middle of a white square; the square is grey if the image can't be read."""
    try:
        pixels = decode(images.image_path(row), images.table["bbox"].iloc[row])
    except ReidbenchError:
        return np.full((side, side, 3), 128, np.uint8)
    return _in_square(pixels, side)


def _fitted_size(pixels: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Return the height and width of an image whose longer side becomes ``side``."""
    scale = side / max(pixels.shape[:2])
    return max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))


def _in_square(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = _fitted_size(pixels, side)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    shrinks = side < max(pixels.shape[:2])
    square[top : top + height, left : left + width] = cv2.resize(
        pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return square
