"""Photographs of a dataset on one small picture: a row for each of a few animals, with dates from left to right."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError

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


def _fitted(images: ImageSet, row: int, side: int) -> NDArray[np.uint8]:
    """Return an image in the middle of a white square; the square is grey if the image can't be read."""
    try:
        pixels = decode(images.image_path(row), images.table["bbox"].iloc[row])
    except ReidbenchError:
        return np.full((side, side, 3), 128, np.uint8)
    scale = side / max(pixels.shape[:2])
    width, height = (max(1, round(length * scale)) for length in (pixels.shape[1], pixels.shape[0]))
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = cv2.resize(
        pixels, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return square
