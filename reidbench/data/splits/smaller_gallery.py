"""Reduce a split to fewer gallery images of each animal; everything else stays.

A seed and the keys of the images decide which images stay. An image that stays at one number stays at every larger
number, so the points of a curve differ only by the images that were added.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict

from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError


def gallery_counts(split: Split, images: ImageSet) -> dict[str, int]:
    """Return the number of gallery images of each enrolled identity."""
    counts: dict[str, int] = defaultdict(int)
    for row in split.indices("gallery", images):
        counts[str(images.table["identity"].iloc[int(row)])] += 1
    return dict(counts)


def keep_gallery_images(split: Split, images: ImageSet, most: int, *, seed: int = 0) -> Split:
    """Return the split with at most ``most`` gallery images of each identity; the others are ``unused``.

    Args:
        split: The split to reduce. Its queries stay as they are.
        images: The dataset of the split.
        most: Most gallery images of each identity, at least 1.
        seed: Seed that decides which images stay.

    Raises:
        ReidbenchError: ``most`` is below 1.

    Example:
        >>> keep_gallery_images(split, images, 1).counts["gallery"]  # doctest: +SKIP
        52
    """
    if most < 1:
        raise ReidbenchError(
            f"{most} gallery images of each animal leave nothing to search",
            where=f"--keep {most}",
            remedy="keep at least 1",
        )
    # Rule 1 drew by ids, and the curve of an old run has to stay as it was.
    drawn_by = images.image_id if images.digest_rule == 1 else images.image_keys
    by_identity: dict[str, list[tuple[bytes, str]]] = defaultdict(list)
    for row in split.indices("gallery", images):
        draw = hashlib.sha256(f"{seed}\x00{drawn_by[row]}".encode()).digest()
        by_identity[str(images.identity[row])].append((draw, str(images.image_id[row])))
    dropped = {image_id for drawn in by_identity.values() for _, image_id in sorted(drawn)[most:]}
    parts = tuple(
        "unused" if image_id in dropped else part for image_id, part in zip(split.image_ids, split.parts, strict=True)
    )
    note = f"at most {most} gallery images of each identity are kept, drawn by seed {seed}"
    return Split(split.image_ids, parts, split.kind, split.seed, (*split.warnings, note)).on(images)
