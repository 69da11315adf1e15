"""A split: the part of every image, and the digest that tells two splits apart."""

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
        image_ids: Ids, without repeats; sorted here, so that row order never matters.
        parts: One of :data:`PARTS` for each.
        kind: As :func:`make_split` was asked for it, or ``file`` for a split that was read.
        seed: Seed it was made with, ``None`` for a split that was read.
        warnings: What a reader of results should know, such as an encounter on both sides.
        new_share: Share of queries of new animals that it was made to hold, ``None`` where it was not.
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
            raise ValueError("an image_id stands in the split twice")
        unknown = sorted(set(self.parts) - set(PARTS))
        if unknown:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}")
        order = sorted(range(len(self.image_ids)), key=lambda index: self.image_ids[index])
        object.__setattr__(self, "image_ids", tuple(self.image_ids[index] for index in order))
        object.__setattr__(self, "parts", tuple(self.parts[index] for index in order))

    @property
    def digest(self) -> str:
        """SHA-256 over the lines ``image_id,part``, sorted; how the split was made plays no role."""
        lines = "".join(f"{image_id},{part}\n" for image_id, part in zip(self.image_ids, self.parts, strict=True))
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Number of images in each part, every part named."""
        found = Counter(self.parts)
        return {part: found[part] for part in PARTS}

    def indices(self, part: str, images: ImageSet) -> NDArray[np.int64]:
        """Return the rows of ``images`` that stand in ``part``, in the order of ``images``.

        Raises:
            ReidbenchError: The split is of other images.
        """
        if part not in PARTS:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {part}")
        where = dict(zip(self.image_ids, self.parts, strict=True))
        image_ids = images.table["image_id"]
        strange = [image_id for image_id in image_ids if image_id not in where]
        if strange or len(where) != len(images):
            example = strange[0] if strange else min(set(where) - set(image_ids))
            raise ReidbenchError(
                f"the split is not of '{images.name}': '{example}' stands in only one of the two",
                remedy="make a split of this dataset: reidbench split DATASET -o split.csv",
            )
        return np.flatnonzero([where[image_id] == part for image_id in image_ids]).astype(np.int64)
