"""Fill the animals of a dataset with background colour, to measure how much a method can do without the animal.

A method that still identifies the images uses the place, the day or the camera. The animal is the mask of the image if
the table has one, otherwise its box. Images with neither, and images that the animal fills, are left out.
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

_MAX_SHARE = 0.9  # share of the photograph: a larger animal leaves too little background
_RIM = 0.02  # share of the longer side of a mask: masks follow the edge, so its outermost pixels may lie outside


@dataclass(frozen=True, slots=True, eq=False)
class Backgrounds:
    """Images whose animals are filled.

    Attributes:
        images: The filled images, with the ids, identities and dates of the originals and without boxes.
        kept: Row of the original dataset of each image.
        n_masked: Number of images that were filled by their mask; the others were filled by their box.
    """

    images: ImageSet
    kept: tuple[int, ...]
    n_masked: int = 0


def without_animals(images: ImageSet, folder: Path, progress: Progress | None = None) -> Backgrounds:
    """Write each image with its animal filled with the mean colour of the rest of the photograph.

    Args:
        images: The dataset.
        folder: Folder for the filled images, as PNG. It is created if needed.
        progress: Shows a progress bar.

    Raises:
        ReidbenchError: No image has a mask or a box that leaves background, or a mask cannot be read.
    """
    kept, paths, n_masked = [], [], 0
    folder.mkdir(parents=True, exist_ok=True)
    boxes = images.table["bbox"].tolist()
    masks = [None] * len(images) if images.given is None or images.given.mask is None else images.given.mask.tolist()
    with (progress or Progress()).stage("fill the animals", len(images)) as stage:
        for row, (box, mask) in enumerate(zip(boxes, masks, strict=True)):
            stage.advance()
            if box is None and mask is None:
                continue
            pixels = decode(images.image_path(row))
            inside, masked = None, False
            if mask is not None:
                inside = _grown(decode_mask(mask, images.root, pixels.shape[:2], images.origin.at(row)))
                masked = bool(inside.any())
            if not masked:  # an empty mask counts as no mask
                inside = _boxed(box, pixels.shape[:2])
            if inside is None or inside.mean() > _MAX_SHARE:
                continue
            pixels[inside] = pixels[~inside].mean(axis=0).round().astype(np.uint8)
            path = folder / f"{row:06d}.png"
            # Not by imwrite, which returns False on a full disk.
            path.write_bytes(cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes())
            kept.append(row)
            paths.append(path.name)
            n_masked += masked
    if not kept:
        raise ReidbenchError(
            f"no image of '{images.name}' has a box or a mask that leaves background, so no animal can be filled",
            where="--background",
            remedy="give the boxes of the animals in the column 'bbox' ([x, y, width, height] in pixels), or their "
            "masks in the column 'segmentation'",
        )
    table = images.table.iloc[kept].reset_index(drop=True).assign(path=paths, bbox=None)
    filled = ImageSet(f"{images.name} without animals", folder, table, source=images.source)
    return Backgrounds(filled, tuple(kept), n_masked)


def _boxed(box: tuple[float, float, float, float] | None, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    if box is None:
        return None
    x, y, width, height = box
    inside = np.zeros(shape, bool)
    inside[max(0, round(y)) : round(y + height), max(0, round(x)) : round(x + width)] = True
    return inside


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask enlarged by a rim of 2 % of its longer side, at least one pixel."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return mask
    longer_side = max(np.ptp(rows), np.ptp(columns)) + 1
    rim = max(1, round(_RIM * float(longer_side)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    return cv2.dilate(mask.astype(np.uint8), disc).astype(bool)
