"""The part of every image of a dataset, with a digest that identifies the split."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reidbench.data.digests import digest_of_keys
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
        image_keys: Key of each image (:attr:`ImageSet.image_keys`), from :meth:`on`; empty for a split that no dataset
            was named for, or whose dataset has digest rule 1.
        digest_of_run: Digest of the split of a run, of whose dataset unused images were added or removed since; it
            replaces :attr:`digest`. Empty for any other split.
    """

    image_ids: tuple[str, ...]
    parts: tuple[str, ...]
    kind: str
    seed: int | None
    warnings: tuple[str, ...] = ()
    new_share: float | None = None
    image_keys: tuple[str, ...] = ()
    digest_of_run: str = ""

    def __post_init__(self) -> None:
        if len(self.image_ids) != len(self.parts):
            raise ValueError(f"{len(self.image_ids)} images have {len(self.parts)} parts")
        if self.image_keys and len(self.image_keys) != len(self.parts):
            raise ValueError(f"{len(self.parts)} parts have {len(self.image_keys)} image keys")
        if len(set(self.image_ids)) != len(self.image_ids):
            raise ValueError("an image_id is in the split twice")
        unknown = sorted(set(self.parts) - set(PARTS))
        if unknown:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}")
        order = sorted(range(len(self.image_ids)), key=lambda index: self.image_ids[index])
        object.__setattr__(self, "image_ids", tuple(self.image_ids[index] for index in order))
        object.__setattr__(self, "parts", tuple(self.parts[index] for index in order))
        if self.image_keys:
            object.__setattr__(self, "image_keys", tuple(self.image_keys[index] for index in order))

    def on(self, images: ImageSet) -> Split:
        """Return the split with the keys of its images, so that its digest does not depend on ids.

        Raises:
            ReidbenchError: The split belongs to other images.
        """
        if images.digest_rule == 1:
            return replace(self, image_keys=())
        self.check_belongs(images)
        keys = dict(zip(images.image_id.tolist(), images.image_keys.tolist(), strict=True))
        return replace(self, image_keys=tuple(keys[image_id] for image_id in self.image_ids))

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted lines ``image_key,part``; it does not depend on ids, kind and seed.

        A split without keys has ids in these lines.
        """
        if self.digest_of_run:
            return self.digest_of_run
        if self.image_keys:
            return digest_of_keys(f"{key},{part}" for key, part in zip(self.image_keys, self.parts, strict=True))
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
        self.check_belongs(images)
        where = dict(zip(self.image_ids, self.parts, strict=True))
        return np.flatnonzero([where[image_id] == part for image_id in images.image_id.tolist()]).astype(np.int64)

    def check_belongs(self, images: ImageSet) -> None:
        """Check that the split and a dataset have the same ids.

        Raises:
            ReidbenchError: They differ.
        """
        different = set(self.image_ids) ^ set(images.image_id.tolist())
        if different:
            raise ReidbenchError(
                f"the split does not belong to '{images.name}': '{min(different)}' is in only one of the two",
                remedy="make a split of this dataset: reidbench split DATASET -o split.csv",
            )
