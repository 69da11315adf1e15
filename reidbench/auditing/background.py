"""A dataset without its animals: each is filled, and the whole photograph is shown instead of the box.

A method that still knows who it is looks at the place, the day or the camera. An animal is its mask where the table has
one, else its box; where a photograph has neither, or one that fills it, there is nothing to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.data.masks import decode_mask
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress

_MOST = 0.9  # of a photograph: a larger animal leaves no background to speak of
_RIM = 0.02  # of a mask's longer side: masks are drawn along the animal, and its outermost pixels would be left


@dataclass(frozen=True, slots=True, eq=False)
class Backgrounds:
    """The images without their animals.

    Attributes:
        images: Images with the ids, identities and dates of the original, none with a box.
        kept: Rows of the original that they stand for.
        n_masked: How many of them were filled by a mask; the others by their box.
    """

    images: ImageSet
    kept: tuple[int, ...]
    n_masked: int = 0


def without_animals(images: ImageSet, folder: Path, progress: Progress | None = None) -> Backgrounds:
    """Write every image that has a mask or a box with it filled by the mean colour around it.

    Args:
        images: The original.
        folder: Where the images are written, as PNG.
        progress: Where the bar goes.

    Raises:
        ReidbenchError: No image has a mask or a box that leaves background, or a mask can't be read.
    """
    kept, paths, n_masked = [], [], 0
    folder.mkdir(parents=True, exist_ok=True)
    boxes = images.table["bbox"].tolist()
    masks = [None] * len(images) if images.given is None or images.given.mask is None else images.given.mask.tolist()
    with (progress or Progress()).stage("take the animals out", len(images)) as stage:
        for row, (box, mask) in enumerate(zip(boxes, masks, strict=True)):
            stage.advance()
            if box is None and mask is None:
                continue
            pixels = decode(images.image_path(row))
            inside, masked = None, False
            if mask is not None:
                inside = _grown(decode_mask(mask, images.root, pixels.shape[:2], images.origin.at(row)))
                masked = bool(inside.any())
            if not masked:  # an empty mask says nothing
                inside = _boxed(box, pixels.shape[:2])
            if inside is None or inside.mean() > _MOST:
                continue
            pixels[inside] = pixels[~inside].mean(axis=0).round().astype(np.uint8)
            path = folder / f"{row:06d}.png"
            cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
            kept.append(row)
            paths.append(path.name)
            n_masked += masked
    if not kept:
        raise ReidbenchError(
            f"no image of '{images.name}' has a box or a mask that leaves background, so no animal can be taken out",
            where="--background",
            remedy="give the animals' boxes in the column 'bbox' ([x, y, width, height] in pixels), or their masks in "
            "'segmentation'",
        )
    table = images.table.iloc[kept].reset_index(drop=True).assign(path=paths, bbox=None)
    left = ImageSet(f"{images.name} without animals", folder, table, source=images.source)
    return Backgrounds(left, tuple(kept), n_masked)


def _boxed(box: tuple[float, float, float, float] | None, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    if box is None:
        return None
    x, y, width, height = box
    inside = np.zeros(shape, bool)
    inside[max(0, round(y)) : round(y + height), max(0, round(x)) : round(x + width)] = True
    return inside


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask with its rim, at least a pixel wide."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return mask
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    rim = max(1, round(_RIM * float(longer)))
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    return cv2.dilate(mask.astype(np.uint8), around).astype(bool)
