"""What an audit keeps of an image: digests of bytes and pixels, a small grey picture, and where it lies among others.

An image is decoded once, cropped to its box as methods see it. The small picture settles whether two images are one;
the place, its lowest frequencies, finds whom to compare it with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress

SIDE = 48
"""Side of the small picture in pixels: 323 MB for 140,000 images."""
_BLUR = 1.5
"""Standard deviation in pixels of the small picture: fine stripes must not depend on half a pixel of a cut."""
FREQUENCIES = 5
"""Along each axis: 24 numbers without the mean. Light moves mean and scale, which are taken out; a cut moves low
frequencies least."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """The images of a set as an audit sees them; an unreadable one has no digest of pixels, and zeros.

    Attributes:
        content: SHA-256 of the file's bytes, ``(n_image,)`` strings.
        pixels: SHA-256 of the decoded pixels of the box, empty where unreadable, ``(n_image,)`` strings.
        small: Grey pictures, ``(n_image, SIDE, SIDE)`` uint8.
        place: Low frequencies, of length 1, or 0 for a picture of one colour, ``(n_image, 24)`` float32.
        size: Width and height of the box, ``(n_image, 2)``, 0 where unreadable.
        unreadable: Why an image can't be read, by row.
    """

    content: NDArray[Any]
    pixels: NDArray[Any]
    small: NDArray[np.uint8]
    place: NDArray[np.float32]
    size: NDArray[np.int64]
    unreadable: dict[int, str]

    def __post_init__(self) -> None:
        n_image = len(self.content)
        if not n_image == len(self.pixels) == len(self.small) == len(self.place) == len(self.size):
            raise ValueError("content, pixels, small, place and size differ in length")

    def __len__(self) -> int:
        return len(self.content)


def fingerprint(images: ImageSet, progress: Progress | None = None) -> Fingerprints:
    """Read every image of a set.

    Args:
        images: What to read; an image that can't be read is noted, not refused.
        progress: Where the bar goes.
    """
    n_image = len(images)
    pixels = np.full(n_image, "", dtype=object)
    small = np.zeros((n_image, SIDE, SIDE), np.uint8)
    size = np.zeros((n_image, 2), np.int64)
    unreadable: dict[int, str] = {}
    boxes = images.table["bbox"].tolist()
    with (progress or Progress()).stage("read images", n_image) as stage:
        for row in range(n_image):
            try:
                seen = decode(images.image_path(row), boxes[row])
            except ReidbenchError as error:
                unreadable[row] = error.message
            else:
                pixels[row] = hashlib.sha256(f"{seen.shape}".encode() + seen.tobytes()).hexdigest()
                small[row] = shrink(seen)
                size[row] = seen.shape[1], seen.shape[0]
            stage.advance()
    return Fingerprints(np.array(images.file_hashes(), dtype=object), pixels, small, places(small), size, unreadable)


def shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the small grey picture of an image, ``(SIDE, SIDE)``; its proportions are given up."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _BLUR), dtype=np.uint8)


def places(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the low frequencies of small pictures, each of length 1, ``(n_image, 24)``."""
    found = np.zeros((len(small), FREQUENCIES * FREQUENCIES - 1), np.float32)
    for start in range(0, len(small), 4096):
        block = dctn(small[start : start + 4096].astype(np.float32), axes=(1, 2), norm="ortho")
        low = block[:, :FREQUENCIES, :FREQUENCIES].reshape(len(block), -1)[:, 1:]
        length = np.linalg.norm(low, axis=1, keepdims=True)
        found[start : start + len(low)] = np.where(length > 1e-3, low / np.maximum(length, 1e-3), 0)
    return found
