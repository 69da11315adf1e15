"""The masks of an image set: which images have one, its digest, and its pixels inside the box of the animal.

Masks are not part of the digest of a dataset, and not of the keys of its images. A method that uses no masks therefore
has the same splits, cached features and run ids with and without them. Results of a method with masks are kept under
keys that contain the mask, and its run holds a digest of the masks that it used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.decoding import box_edges
from reidbench.data.images import ImageSet
from reidbench.data.masks import decode_mask, mask_digest
from reidbench.data.picture_size import upright_size


def mask_cells(images: ImageSet) -> list[Any]:
    """Return the cell of each image's mask, ``None`` for an image without one."""
    given = images.given
    return [None] * len(images) if given is None or given.mask is None else given.mask.tolist()


def masked_contents(images: ImageSet, contents: Sequence[str]) -> list[str]:
    """Return a digest for each image over all that a method with masks sees of it.

    Args:
        images: The images.
        contents: Their digests without masks, from :meth:`ImageSet.contents`. An image without a mask keeps its digest.

    Raises:
        ReidbenchError: A mask file can't be read.
    """
    return [
        hashlib.sha256(f"{content}|{digest}".encode()).hexdigest() if digest else content
        for content, digest in zip(contents, _digests(images), strict=True)
    ]


def digest_of_masks(images: ImageSet) -> str:
    """Return the SHA-256 over all masks and the images that they belong to; empty if no image has a mask.

    Like the digest of a dataset, it does not depend on the order of the images.
    """
    pairs = sorted(f"{key} {digest}" for key, digest in zip(images.image_keys, _digests(images), strict=True) if digest)
    return hashlib.sha256("\n".join(pairs).encode()).hexdigest() if pairs else ""


def read_mask(cell: Any, root: Path, path: Path, box: Sequence[float] | None, where: str) -> NDArray[np.bool_] | None:
    """Return which pixels of a photograph, cropped to its box, show the animal.

    Args:
        cell: Cell of the mask; ``None`` for none.
        root: Folder that the path of a mask file starts from.
        path: The photograph.
        box: Box of the animal; ``None`` for the whole photograph.
        where: File and row, for an error.

    Returns:
        ``(height, width)``; ``None`` without a mask, or if the mask shows no animal inside the box.

    Raises:
        ReidbenchError: The mask can't be read, or has another size than the photograph.
    """
    size = None if cell is None else upright_size(path)
    if size is None:
        return None  # the picture is damaged: decoding its pixels gives the reason
    left, top, right, bottom = box_edges(size, box, path)
    mask = decode_mask(cell, root, (size[1], size[0]), where)[top:bottom, left:right]
    return mask if mask.any() else None


def _digests(images: ImageSet) -> list[str]:
    return [
        "" if cell is None else mask_digest(cell, images.root, images.origin.at(row))
        for row, cell in enumerate(mask_cells(images))
    ]
