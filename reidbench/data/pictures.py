"""Open a picture file, and refuse a picture that needs more memory than the budget, before its pixels are decoded."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from reidbench.data.image_files import register_heif
from reidbench.data.memory import memory_bytes, show_size
from reidbench.errors import ReidbenchError

_PER_PIXEL = 12
"""Most memory in bytes for one pixel while a picture with 8 bits a sample is decoded.

Pillow holds 4 bytes. Turning the picture takes 4 more, or its decoder up to 6 (a progressive JPEG). The result has 3.
Measured: 7.5 for a JPEG, 10.3 for a progressive one that is turned.
"""
_PER_PIXEL_OF = {"WEBP": 20, "HEIF": 20}
"""The same for formats whose decoder returns a copy of all pixels. Measured: 16.4 for WebP."""
_PER_WIDE_PIXEL = 36
"""The same for a picture with more than 8 bits a sample, which OpenCV decodes a second time. Measured: 33."""

_opening = threading.RLock()


class PictureTooLargeError(ReidbenchError):
    """A picture can't be decoded within the memory budget."""


@contextmanager
def open_picture(path: Path | str) -> Iterator[Image.Image]:
    """Open a picture with Pillow: the header is read, and no pixel is decoded.

    The own limit of Pillow is not used, because :func:`check_fits` has one that an option raises. The limit of the
    process is the same afterwards.

    Raises:
        OSError: The file can't be read or is no picture. A broken file can make Pillow raise any other exception.
    """
    register_heif()
    with _opening:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            opened = Image.open(path)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    with opened:
        yield opened


def check_fits(opened: Image.Image, path: Path | str, *, wide: bool = False) -> int:
    """Return the memory in bytes that decoding a picture takes at most.

    Args:
        opened: The picture, opened and not decoded.
        path: Its file, for the message.
        wide: Whether it has more than 8 bits a sample.

    Raises:
        PictureTooLargeError: It is more than the budget.
    """
    width, height = opened.size
    needed = width * height * (_PER_WIDE_PIXEL if wide else _PER_PIXEL_OF.get(opened.format or "", _PER_PIXEL))
    if needed > memory_bytes():
        enough = f"{math.ceil(needed / (1 << 30))}GiB"
        raise PictureTooLargeError(
            f"the picture has {width} x {height} pixels; decoding it takes up to {show_size(needed)} of memory, "
            f"more than the {show_size(memory_bytes())} of --memory",
            where=str(path),
            remedy=f"add --memory {enough}, make the picture smaller, or take its row out of the dataset",
        )
    return needed
