"""Observe the pixels that a method receives: whether they are changed, kept, and how many are in memory at once."""

from __future__ import annotations

import weakref
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.data.images import ImageSet
from reidbench.methods.contract import Images

_KEPT_FOR_COMPARISON = 2


class PixelWatch:
    """Observes arrays of pixels. The first few are kept to find changes; the others are weak references.

    Attributes:
        most: Largest number of observed arrays that were in memory at once, without the kept ones.
    """

    def __init__(self) -> None:
        self._references: list[weakref.ref[NDArray[Any]]] = []
        self._kept: list[tuple[NDArray[Any], int]] = []
        self.most = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return PixelWatch, ()  # weak references cannot be pickled, so each worker process has a new watch

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Observe an array that is handed to the method."""
        if len(self._kept) < _KEPT_FOR_COMPARISON:
            self._kept.append((pixels, _checksum(pixels)))
            return
        self._references.append(weakref.ref(pixels))
        self.most = max(self.most, self.alive)

    @property
    def alive(self) -> int:
        """Number of observed arrays that are still in memory, without the kept ones."""
        return sum(reference() is not None for reference in self._references)

    @property
    def changed(self) -> int:
        """Number of kept arrays that were changed."""
        return sum(_checksum(pixels) != before for pixels, before in self._kept)


class WatchedImages(Images):
    """Images whose arrays of pixels are observed."""

    def __init__(self, images: ImageSet, pixel_watch: PixelWatch, *, masks: bool) -> None:
        super().__init__(images, masks=masks)
        self._pixel_watch = pixel_watch

    @override
    def pixels(self, index: int) -> NDArray[np.uint8]:
        pixels = super().pixels(index)
        self._pixel_watch.add(pixels)
        return pixels


def _checksum(pixels: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(pixels).tobytes())
