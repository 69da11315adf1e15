"""The part of every image of a dataset, with a digest that identifies the split."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError

PARTS: Final = ("gallery", "fit", "calibration", "test", "unused")
QUERIES: Final = ("calibration", "test")


@dataclass(frozen=True)
class Split:
    """The part of every image, sorted by ``image_id``.

    Args:
        image_ids: Ids without repeats, in any order; they are sorted.
        parts: Part of each image, one of :data:`PARTS`.
        kind: Kind of split, as in :func:`make_split`, or ``file`` for a split that was read.
        seed: Seed of the split, ``None`` for a split that was read.
        warnings: Warnings for readers of the results, such as an encounter on two sides.
        new_share: Share of queries of unknown animals that was requested, ``None`` if none was.
    """

    image_ids: tuple[str, ...]
    parts: tuple[str, ...]
    kind: str
    seed: int | None
    warnings: tuple[str, ...] = ()
    new_share: float | None = None

    def __post_init__(self) -> None:
        if len(self.image_ids) != len(self.parts):
            raise ValueError(f"{len(self.image_ids)} images have {len(self.parts)} parts")
        if len(set(self.image_ids)) != len(self.image_ids):
            raise ValueError("an image_id is in the split twice")
        unknown = sorted(set(self.parts) - set(PARTS))
        if unknown:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}")
        order = sorted(range(len(self.image_ids)), key=lambda index: self.image_ids[index])
        object.__setattr__(self, "image_ids", tuple(self.image_ids[index] for index in order))
        object.__setattr__(self, "parts", tuple(self.parts[index] for index in order))

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted lines ``image_id,part``; it does not depend on kind and seed."""
        lines = "".join(f"{image_id},{part}\n" for image_id, part in zip(self.image_ids, self.parts, strict=True))
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Number of images in each part, also for empty parts."""
        found = Counter(self.parts)
        return {part: found[part] for part in PARTS}

    def indices(self, part: str, images: ImageSet) -> NDArray[np.int64]:
        """Return the rows of ``images`` that are in ``part``, in the order of ``images``.

        Raises:
            ReidbenchError: The split belongs to other images.
        """
        if part not in PARTS:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {part}")
        where = dict(zip(self.image_ids, self.parts, strict=True))
        image_ids = images.table["image_id"]
        strange = [image_id for image_id in image_ids if image_id not in where]
        if strange or len(where) != len(images):
            example = strange[0] if strange else min(set(where) - set(image_ids))
            raise ReidbenchError(
                f"the split does not belong to '{images.name}': '{example}' is in only one of the two",
                remedy="make a split of this dataset: reidbench split DATASET -o split.csv",
            )
        return np.flatnonzero([where[image_id] == part for image_id in image_ids]).astype(np.int64)
