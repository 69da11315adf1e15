"""A dataset without its animals: what lies in each box is filled, and the whole photograph is shown instead of the box.

A method that still knows who it is looks at the place, the day or the camera. Only boxes are known of an image here;
where a photograph has none, or one that fills it, there is nothing to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress

_MOST = 0.9  # of a photograph: a larger box leaves no background to speak of


@dataclass(frozen=True, slots=True, eq=False)
class Backgrounds:
    """The images without their animals.

    Attributes:
        images: Images with the ids, identities and dates of the original, none with a box.
        kept: Rows of the original that they stand for.
    """

    images: ImageSet
    kept: tuple[int, ...]


def without_animals(images: ImageSet, folder: Path, progress: Progress | None = None) -> Backgrounds:
    """Write every image that has a box with the box filled by the mean colour around it.

    Args:
        images: The original.
        folder: Where the images are written, as PNG.
        progress: Where the bar goes.

    Raises:
        ReidbenchError: No image has a box that leaves background.
    """
    kept, paths = [], []
    folder.mkdir(parents=True, exist_ok=True)
    boxes = images.table["bbox"].tolist()
    with (progress or Progress()).stage("take the animals out", len(images)) as stage:
        for row, box in enumerate(boxes):
            stage.advance()
            if box is None:
                continue
            pixels = decode(images.image_path(row))
            x, y, width, height = box
            inside = np.zeros(pixels.shape[:2], bool)
            inside[max(0, round(y)) : round(y + height), max(0, round(x)) : round(x + width)] = True
            if inside.mean() > _MOST:
                continue
            pixels[inside] = pixels[~inside].mean(axis=0).round().astype(np.uint8)
            path = folder / f"{row:06d}.png"
            cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
            kept.append(row)
            paths.append(path.name)
    if not kept:
        raise ReidbenchError(
            f"no image of '{images.name}' has a box that leaves background, so no animal can be taken out",
            where="--background",
            remedy="give the animals' boxes in the column 'bbox' ([x, y, width, height] in pixels)",
        )
    table = images.table.iloc[kept].reset_index(drop=True).assign(path=paths, bbox=None)
    return Backgrounds(ImageSet(f"{images.name} without animals", folder, table, source=images.source), tuple(kept))
