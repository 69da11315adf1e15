"""Read the size of a picture from its header, without its pixels."""

from __future__ import annotations

import warnings
from pathlib import Path

from reidbench.data.pictures import open_picture

_ORIENTATION = 0x0112  # EXIF
_TURNED = frozenset({5, 6, 7, 8})  # values of it that exchange width and height


def upright_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of the upright picture in pixels; ``None`` if the header can't be read.

    Only the header is read, so the file can still be damaged.
    """
    return read_size(path)[0]


def read_size(path: Path) -> tuple[tuple[int, int] | None, bool]:
    """Return what :func:`upright_size` returns, and whether EXIF exchanges width and height of the stored picture."""
    try:
        with warnings.catch_warnings(action="ignore"), open_picture(path) as opened:
            width, height = opened.size
            # getexif of a PNG without EXIF would decode all pixels to look for it after them.
            turned = (opened.format != "PNG" or "exif" in opened.info) and opened.getexif().get(_ORIENTATION) in _TURNED
    except Exception:  # a damaged header can make Pillow raise any exception; decoding the picture names the reason
        return None, False
    return ((height, width) if turned else (width, height)), turned
