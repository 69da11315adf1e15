"""Images that remember the pixels they handed out: whether they were changed, let go, and how many lived at once."""

from __future__ import annotations

import weakref
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.methods.contract import Images

_HELD_FOR_COMPARISON = 2


class PixelWatch:
    """Notes every array of pixels that a method was given."""

    def __init__(self) -> None:
        self._given: list[weakref.ref[NDArray[Any]]] = []
        self._held: list[tuple[NDArray[Any], int]] = []
        self.most = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return PixelWatch, ()  # a worker process notes for itself: weak references can't travel

    def note(self, pixels: NDArray[np.uint8]) -> None:
        if len(self._held) < _HELD_FOR_COMPARISON:
            self._held.append((pixels, _checksum(pixels)))
            return
        self._given.append(weakref.ref(pixels))
        self.most = max(self.most, self.alive)

    @property
    def alive(self) -> int:
        """Number of arrays that somebody still holds, those of the pixel_watch apart."""
        return sum(given() is not None for given in self._given)

    @property
    def changed(self) -> int:
        """Number of arrays, of the first few, that no longer hold what was handed out."""
        return sum(_checksum(pixels) != before for pixels, before in self._held)


class WatchedImages(Images):
    """What a method sees of a set of images, with every array of pixels noted."""

    def __init__(self, images: ImageSet, pixel_watch: PixelWatch) -> None:
        super().__init__(images)
        self._pixel_watch = pixel_watch

    def pixels(self, index: int) -> NDArray[np.uint8]:
        pixels = super().pixels(index)
        self._pixel_watch.note(pixels)
        return pixels


def _checksum(pixels: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(pixels).tobytes())
