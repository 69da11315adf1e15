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

from reidbench.data.image_files import image_format, missing_reader
from reidbench.data.memory import reserved
from reidbench.data.pictures import check_fits, open_picture
from reidbench.data.wide_samples import is_wide, read_wide, turn_upright
from reidbench.errors import ReidbenchError
from reidbench.untrusted.reading import check_regular

_ORIENTATION = 0x0112  # EXIF
_STRIP = 1 << 18  # pixels that are converted at once, so that a conversion needs no second picture


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
        ReidbenchError: The file is missing, truncated or not an image, the picture needs more memory than the budget
            (:mod:`reidbench.data.memory`), or the whole box is outside the image.

    Example:
        >>> decode("photo.jpg", bbox=(10, 20, 64, 48)).shape  # doctest: +SKIP
        (48, 64, 3)
    """
    try:
        check_regular(Path(path))
        with open_picture(path) as opened:
            wide = is_wide(path)
            with reserved(check_fits(opened, path, wide=wide)):
                opened.load()
                return _wide(opened, bbox, path) if wide else _narrow(opened, bbox, path)
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
        reason = "the file is damaged or not an image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise ReidbenchError(
            f"the image cannot be read: {reason}",
            where=str(path),
            remedy="copy the file again from its source, or take its row out of the dataset",
        ) from error


def _wide(image: Image.Image, bbox: Sequence[float] | None, path: Path | str) -> NDArray[np.uint8]:
    pixels = turn_upright(read_wide(image, path)[0], image.getexif().get(_ORIENTATION, 1))
    left, top, right, bottom = box_edges((pixels.shape[1], pixels.shape[0]), bbox, path)
    return np.array(pixels[top:bottom, left:right], dtype=np.uint8, order="C")


def _narrow(image: Image.Image, bbox: Sequence[float] | None, path: Path | str) -> NDArray[np.uint8]:
    ImageOps.exif_transpose(image, in_place=True)
    left, top, right, bottom = box_edges(image.size, bbox, path)
    pixels = np.empty((bottom - top, right - left, 3), np.uint8)
    step = max(1, _STRIP // (right - left))
    for start in range(top, bottom, step):
        stop = min(start + step, bottom)
        pixels[start - top : stop - top] = _rgb(image.crop((left, start, right, stop)))
    return pixels


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        if image.mode in ("RGBa", "La"):
            image = image.convert(image.mode.upper())
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, layered)
    return np.asarray(image.convert("RGB"))


def box_edges(size: tuple[int, int], bbox: Sequence[float] | None, path: Path | str) -> tuple[int, int, int, int]:
    """Return the edges of the box inside the upright image: left, top, right and bottom."""
    width, height = size
    if bbox is None:
        return 0, 0, width, height
    x, y, box_width, box_height = bbox
    left, right = max(0, round(x)), min(width, round(x + box_width))
    top, bottom = max(0, round(y)), min(height, round(y + box_height))
    if left >= right or top >= bottom:
        raise ReidbenchError(
            f"the box {tuple(bbox)} is outside the image, which has {width} x {height} pixels",
            where=str(path),
            remedy="write bbox as [x, y, width, height] in pixels of the upright image, or leave it empty",
        )
    return left, top, right, bottom
