"""Pictures with more than 8 bits a sample: 16-bit, 32-bit and floating-point files of cameras, scanners and programs.

Such a file often uses a small part of its range: 12 bits in 16, or 8 in 16. Each picture is scaled by its own range, so
that it is neither black nor white, and so that no other picture of the dataset has an influence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from reidbench.data.image_files import format_of
from reidbench.data.pictures import check_fits, open_picture

DECODING = "wide-samples-2"
"""Part of the cache key of a wide picture; it changes when the rule of scaling changes. Other keys do not have it."""

_BITS_PER_SAMPLE, _ORIENTATION, _SAMPLE_FORMAT, _MAX_SAMPLE, _S_MAX_SAMPLE = 258, 274, 339, 281, 341  # tags of TIFF
_UNSIGNED = 1
_PNG_BIT_DEPTH = 24  # place of the byte
_NARROW = ("JPEG", "GIF", "BMP", "WEBP", "AVIF", "HEIF")  # formats that Pillow reads with 8 bits
_COLOUR = ("RGB", "RGBA", "RGBX", "LA")  # modes in which Pillow keeps only the high byte of 16 bits
_MEASURED = 8  # pictures whose range a note quotes
_STRIP = 1 << 18  # samples that are scaled at once: as 8-byte numbers a whole picture would take gigabytes
_known: dict[tuple[str, int, int], bool] = {}  # (path, mtime, size); the head of a file is read once a process


def is_wide(path: Path | str) -> bool:
    """Return whether a picture has more than 8 bits a sample; ``False`` for a file that cannot be read.

    Only the head of the file is read.
    """
    try:
        status = Path(path).stat()
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in _known:
            _known[key] = _reads_wide(Path(path))
        return _known[key]
    except Exception:  # a broken file can make Pillow raise any exception; decoding it names the reason
        return False


def _reads_wide(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(32)
    kind = format_of(head)
    if kind == "PNG":
        return head[_PNG_BIT_DEPTH] == 16
    if kind in _NARROW:
        return False
    with open_picture(path) as opened:
        return opened.mode[0] in "IF" or max(_bits(opened)) > 8


def read_wide(opened: Image.Image, path: Path | str) -> tuple[NDArray[np.uint8], float]:
    """Scale a wide picture to 8 bits; the picture is not turned upright.

    The range ends at the value that the file declares (``BitsPerSample`` between 9 and 15, ``SMaxSampleValue`` or
    ``MaxSampleValue`` of TIFF), unless a sample is larger. Otherwise it ends at 1 for floating-point samples up to 1,
    and else at the largest value of 8, 10, 12, 14, 16 … bits that holds the largest sample. It begins at 0. If samples
    are negative, it is the range from the smallest to the largest sample.

    Args:
        opened: The loaded picture.
        path: Its file.

    Returns:
        Pixels of shape ``(height, width, 3)``, RGB, and the value that becomes white.
    """
    if opened.mode in _COLOUR:
        return _colour(Path(path), opened)
    if opened.mode[0] not in "IF":  # such as CMYK, of which Pillow keeps the high byte
        return np.asarray(opened.convert("RGB")), float(2 ** max(_bits(opened)) - 1)
    values = np.asarray(opened)
    if values.dtype == np.int32 and _bits(opened) == (32,) and _tag(opened, _SAMPLE_FORMAT) in (None, _UNSIGNED):
        values = values.view(np.uint32)
    grey, white = _scaled(values, _declared(opened), is_float=values.dtype.kind == "f")
    return np.repeat(grey[:, :, None], 3, axis=2), white


def wide_notes(paths: Iterable[Path]) -> list[str]:
    """Return a remark on the pictures with more than 8 bits a sample, and the ranges of the first ones."""
    wide = [path for path in paths if is_wide(path)]
    if not wide:
        return []
    ranges = sorted({white for white in map(_white_of, wide[:_MEASURED]) if white is not None})
    noun, verb = ("picture", "has") if len(wide) == 1 else ("pictures", "have")
    measured = f" in the first {_MEASURED}" if len(wide) > _MEASURED else ""
    shown = f" (white is {', '.join(f'{white:.15g}' for white in ranges)}{measured})" if ranges else ""
    return [f"{len(wide)} {noun} {verb} more than 8 bits a sample; each is scaled by its own range{shown}"]


def _white_of(path: Path) -> float | None:
    try:
        with open_picture(path) as opened:
            check_fits(opened, path, wide=True)
            opened.load()
            return read_wide(opened, path)[1]
    except Exception:  # decoding it later names the reason
        return None


def _colour(path: Path, opened: Image.Image) -> tuple[NDArray[np.uint8], float]:
    import cv2  # Pillow reads 16-bit colour with 8 bits

    content = bytearray(path.read_bytes())
    turned = _set_upright(content) if bytes(content[:4]) in (b"II*\0", b"MM\0*") else 1
    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if read is None:
        raise ValueError("OpenCV cannot read its 16-bit colours; save it with 8 bits a sample")
    samples = read if read.ndim == 3 else read[:, :, None]
    colour, white = _scaled(samples[:, :, :3], _declared(opened))
    colour = np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour[:, :, ::-1]
    if samples.shape[2] == 4 and opened.mode != "RGBX":
        alpha = _scaled(samples[:, :, 3:], None)[0]
        colour = np.ascontiguousarray(colour)
        for rows in _strips(colour):
            share = alpha[rows] / 255.0
            colour[rows] = np.rint(colour[rows] * share + 255.0 * (1.0 - share)).astype(np.uint8)
    if opened.getexif().get(_ORIENTATION, 1) == 1:  # Pillow turns a TIFF file upright when it loads it
        colour = turn_upright(np.ascontiguousarray(colour), turned)
    return np.ascontiguousarray(colour), white


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn RGB pixels as an EXIF orientation between 1 and 8 says."""
    image = Image.fromarray(pixels)
    image.getexif()[_ORIENTATION] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def _strips(values: NDArray[Any]) -> Iterator[slice]:
    """Yield ranges of rows of a picture, small enough to compute with 8-byte numbers."""
    step = max(1, _STRIP // max(1, math.prod(values.shape[1:])))
    for start in range(0, len(values), step):
        yield slice(start, start + step)


def _scaled(values: NDArray[Any], declared: float | None, *, is_float: bool = False) -> tuple[NDArray[np.uint8], float]:
    """Scale samples to 8 bits; return them and the value that becomes white."""
    largest, smallest = -math.inf, math.inf
    for rows in _strips(values):
        block = values[rows].astype(np.float64)
        finite = block[np.isfinite(block)]
        largest = max(largest, float(finite.max(initial=-math.inf)))
        smallest = min(smallest, float(finite.min(initial=math.inf)))
    if largest < smallest:  # no sample is finite
        largest = smallest = 0.0
    black = min(0.0, smallest)
    if black < 0:
        white = largest if largest > black else black + 1.0
    elif declared is not None and largest <= declared:
        white = declared
    elif is_float and largest <= 1:
        white = 1.0
    else:
        white = _white(largest)
    scaled = np.empty(values.shape, np.uint8)
    for rows in _strips(values):
        grey = np.nan_to_num(values[rows].astype(np.float64), nan=0.0, posinf=white, neginf=black)
        scaled[rows] = np.clip(np.rint((grey - black) * (255.0 / (white - black))), 0, 255).astype(np.uint8)
    return scaled, float(white)


def _white(largest: float) -> float:
    """Return the largest value of an even number of bits, 8 or more, that holds a sample.

    Example:
        >>> [_white(largest) for largest in (200, 256, 4095, 4096, 65535)]
        [255.0, 1023.0, 4095.0, 16383.0, 65535.0]
    """
    bits = max(8, math.ceil(largest).bit_length())
    return float(2 ** (bits + bits % 2) - 1)


def _declared(opened: Image.Image) -> float | None:
    """Return the largest value that a TIFF file declares for its samples, if it does."""
    for tag in (_S_MAX_SAMPLE, _MAX_SAMPLE):
        value = _tag(opened, tag)
        if value is not None and value > 0:
            return float(value)
    bits = max(_bits(opened))
    if 8 < bits < 16:
        return float(2**bits - 1)
    return None


def _bits(opened: Image.Image) -> tuple[int, ...]:
    tags = getattr(opened, "tag_v2", None)
    value: Any = 8 if tags is None else tags.get(_BITS_PER_SAMPLE, 8)
    return tuple(value) if isinstance(value, Sequence) else (int(value),)


def _tag(opened: Image.Image, tag: int) -> float | None:
    """Return the largest value of a numeric TIFF tag, ``None`` if the file lacks it."""
    tags = getattr(opened, "tag_v2", None)
    value = None if tags is None else tags.get(tag)
    if value is None:
        return None
    return float(max(value)) if isinstance(value, Sequence) else float(value)


def _set_upright(content: bytearray) -> int:
    """Set the orientation of a TIFF file to 1, because OpenCV fails on turned 16-bit pictures; return the old one."""
    order: Any = "little" if content[:2] == b"II" else "big"

    def number(start: int, size: int) -> int:
        return int.from_bytes(content[start : start + size], order)

    directory = number(4, 4)
    for index in range(number(directory, 2)):
        entry = directory + 2 + 12 * index
        if number(entry, 2) == _ORIENTATION:
            orientation = number(entry + 8, 2)
            content[entry + 8 : entry + 10] = (1).to_bytes(2, order)
            return orientation
    return 1
