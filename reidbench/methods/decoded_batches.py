"""Decode images in batches of a number of images that the method chooses, within the memory budget.

The number of images decides how a network computes, and thereby the last bits of its numbers. It must not depend on
memory. A method with a network therefore shrinks each photograph to the network's input as soon as it is decoded. Only
a batch of whole photographs is cut to fit the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from reidbench.data.memory import memory_bytes

Result = TypeVar("Result")

_HELD = 4
"""A batch may hold this part of the budget; the rest is for decoding the next image and for the method."""


class Decoded(Protocol):
    """Images whose pixels can be read one by one."""

    def __len__(self) -> int: ...

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Return the pixels of one image."""


def decoded_batches(
    images: Decoded,
    size: int,
    work: Callable[[list[NDArray[Any]]], Result],
    *,
    shrink: Callable[[NDArray[Any]], NDArray[Any]],
    advance: Callable[[int], None],
) -> Iterator[Result]:
    """Decode images and call ``work`` with batches of them.

    Args:
        images: The images.
        size: Largest number of images in a batch.
        work: Computes the result of a batch.
        shrink: Returns what ``work`` needs of an image. If it returns the image itself, a batch holds fewer images as
            soon as their pixels take a quarter of the memory budget.
        advance: Called with the number of images of each finished batch.

    Yields:
        The results of ``work``, in the order of the images.
    """
    batch: list[NDArray[Any]] = []
    held = 0  # bytes of whole photographs
    for index in range(len(images)):
        pixels = images.pixels(index)
        kept = shrink(pixels)
        batch.append(kept)
        held += pixels.nbytes if np.may_share_memory(kept, pixels) else 0  # a view keeps the whole photograph
        del pixels, kept
        if len(batch) == size or held >= memory_bytes() // _HELD or index + 1 == len(images):
            result, n_image = work(batch), len(batch)
            batch, held = [], 0  # before the next image is decoded
            yield result
            advance(n_image)
