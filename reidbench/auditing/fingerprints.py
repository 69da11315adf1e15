"""Fingerprints of images: digests of bytes and pixels, a small grey picture, and its lowest frequencies.

Each image is decoded once and cropped to its box, as methods see it. Near neighbours by their lowest frequencies are
compared by their small pictures.
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
"""Side of the small picture in pixels; 140,000 pictures take 323 MB."""
_BLUR = 1.5  # standard deviation in pixels: a crop by a fraction of a pixel must not change fine stripes
FREQUENCIES = 5
"""Frequencies along each axis: 24 numbers without the mean.

Brightness changes only the mean and the scale, which are removed. Cropping changes low frequencies least.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """Fingerprints of the images of a dataset.

    Attributes:
        content: SHA-256 of the bytes of the file, ``(n_image,)`` strings.
        pixels: SHA-256 of the decoded pixels of the box, ``(n_image,)`` strings; empty if the image is unreadable.
        small: Small grey pictures, ``(n_image, SIDE, SIDE)`` uint8; zeros if the image is unreadable.
        frequencies: Lowest frequencies of the small picture, scaled to length 1, ``(n_image, 24)`` float32; zeros for
            an unreadable image or a picture of one colour.
        size: Width and height of the box in pixels, ``(n_image, 2)``; zeros if the image is unreadable.
        unreadable: Error message of each unreadable image, by row.
    """

    content: NDArray[Any]
    pixels: NDArray[Any]
    small: NDArray[np.uint8]
    frequencies: NDArray[np.float32]
    size: NDArray[np.int64]
    unreadable: dict[int, str]

    def __post_init__(self) -> None:
        n_image = len(self.content)
        if not n_image == len(self.pixels) == len(self.small) == len(self.frequencies) == len(self.size):
            raise ValueError("content, pixels, small, frequencies and size differ in length")

    def __len__(self) -> int:
        return len(self.content)


def fingerprint(images: ImageSet, progress: Progress | None = None) -> Fingerprints:
    """Compute the fingerprint of every image of a dataset.

    Args:
        images: The dataset. An image that cannot be read is listed in ``unreadable``; it is no error.
        progress: Shows a progress bar.
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
                image = decode(images.image_path(row), boxes[row])
            except ReidbenchError as error:
                unreadable[row] = error.message
            else:
                pixels[row] = hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).hexdigest()
                small[row] = shrink(image)
                size[row] = image.shape[1], image.shape[0]
            stage.advance()
    content = np.array(images.file_hashes(), dtype=object)
    return Fingerprints(content, pixels, small, low_frequencies(small), size, unreadable)


def shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the small grey picture of an image, ``(SIDE, SIDE)``; the aspect ratio is not kept."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _BLUR), dtype=np.uint8)


def low_frequencies(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the lowest frequencies of small pictures, scaled to length 1, ``(n_image, 24)``; 0 for one colour."""
    unit = np.zeros((len(small), FREQUENCIES * FREQUENCIES - 1), np.float32)
    for start in range(0, len(small), 4096):
        block = dctn(small[start : start + 4096].astype(np.float32), axes=(1, 2), norm="ortho")
        low = block[:, :FREQUENCIES, :FREQUENCIES].reshape(len(block), -1)[:, 1:]
        length = np.linalg.norm(low, axis=1, keepdims=True)
        unit[start : start + len(low)] = np.where(length > 1e-3, low / np.maximum(length, 1e-3), 0)
    return unit
