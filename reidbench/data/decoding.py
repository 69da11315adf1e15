"""Decode an image file to pixels: upright, RGB, 8 bits, cropped to the animal's box.

A box has the coordinates of the upright picture, as a person sees it and as wildlife-datasets reads boxes. For that
reason a photograph is turned upright first and cropped then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from reidbench.data.image_files import image_format, missing_reader, register_heif
from reidbench.data.wide_samples import is_wide, read_wide, turn_upright
from reidbench.errors import ReidbenchError

_ORIENTATION = 0x0112  # EXIF


def decode(path: Path | str, bbox: Sequence[float] | None = None) -> NDArray[np.uint8]:
    """Read one image file.

    Args:
        path: Image in any format and mode that Pillow reads. Transparent parts are laid over white,
            more than 8 bits a sample are scaled (:mod:`reidbench.data.wide_samples`), and the EXIF orientation is
            applied.
        bbox: ``(x, y, width, height)`` in pixels of the upright image, or ``None`` for all of it.
            The part of the box outside the image is cut off.

    Returns:
        Pixels of shape ``(height, width, 3)``, RGB, C-contiguous, writable.

    Raises:
        ReidbenchError: The file is missing, truncated or not an image, or the whole box is outside the image.

    Example:
        >>> decode("photo.jpg", bbox=(10, 20, 64, 48)).shape  # doctest: +SKIP
        (48, 64, 3)
    """
    register_heif()
    try:
        with Image.open(path) as opened:
            opened.load()
            pixels = _rgb(opened, path)
    except FileNotFoundError:
        raise ReidbenchError(
            "the image file is missing", where=str(path), remedy="restore the file, or take its row out of the dataset"
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        kind = image_format(Path(path))
        needed = missing_reader(kind)
        if needed is not None:
            raise ReidbenchError(
                f"the image is {kind}, which this installation cannot read", where=str(path), remedy=needed
            ) from None
        reason = "not an image that can be identified" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ReidbenchError(
            f"the image cannot be read: {reason}",
            where=str(path),
            remedy="copy the file again from its source, or take its row out of the dataset",
        ) from error
    if bbox is not None:
        pixels = _crop(pixels, bbox, path)
    return np.array(pixels, dtype=np.uint8, order="C")


def _rgb(image: Image.Image, path: Path | str) -> NDArray[np.uint8]:
    if is_wide(path):
        return turn_upright(read_wide(image, path)[0], image.getexif().get(_ORIENTATION, 1))
    image = ImageOps.exif_transpose(image)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        if image.mode in ("RGBa", "La"):
            image = image.convert(image.mode.upper())
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, layered)
    return np.asarray(image.convert("RGB"))


def _crop(pixels: NDArray[np.uint8], bbox: Sequence[float], path: Path | str) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    x, y, box_width, box_height = bbox
    left, right = max(0, round(x)), min(width, round(x + box_width))
    top, bottom = max(0, round(y)), min(height, round(y + box_height))
    if left >= right or top >= bottom:
        raise ReidbenchError(
            f"the box {tuple(bbox)} is outside the image, which has {width} x {height} pixels",
            where=str(path),
            remedy="write bbox as [x, y, width, height] in pixels of the upright image, or leave it empty",
        )
    return pixels[top:bottom, left:right]
