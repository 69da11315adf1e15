"""What an audit finds: pairs of images, suspects, and which side of a split each image stands on."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError

SAME_BYTES, SAME_PIXELS, NEAR, NEAR_EMBEDDING, SAME_BURST, SAME_DAY = (
    "same file", "same pixels", "near-duplicate", "near in embedding", "same burst", "same encounter",
)  # fmt: skip
LINKS = (SAME_BYTES, SAME_PIXELS, NEAR, NEAR_EMBEDDING, SAME_BURST, SAME_DAY)
"""Kinds of pair, the surest first; none may stand on two sides."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that show one photograph, or one animal in one burst or on one day.

    Attributes:
        kind: One of the kinds of this module.
        left: Row of one image.
        right: Row of the other.
        alike: Correlation of the pictures, or cosine of the embeddings; ``None`` where equal or of one encounter.
        apart_s: Seconds between two of one burst; ``None`` elsewhere.
    """

    kind: str
    left: int
    right: int
    alike: float | None = None
    apart_s: float | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """Images that a person should look at.

    Attributes:
        kind: What may be wrong.
        rows: The images.
        note: What was seen.
    """

    kind: str
    rows: tuple[int, ...]
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """Everything that was found in a dataset and across a split of it.

    Attributes:
        images: The dataset.
        split: The split; ``None`` where only the images were looked at.
        pairs: Pairs of images, the more certain kinds first.
        suspects: What a person should look at.
        groups: The same number for images that links connect, ``(n_image,)``.
        notes: What a reader should know.
    """

    images: ImageSet
    split: Split | None
    pairs: tuple[Pair, ...]
    suspects: tuple[Suspect, ...]
    groups: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    sides: NDArray[np.object_] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.groups) != len(self.images):
            raise ValueError(f"{len(self.groups)} groups for {len(self.images)} images")
        object.__setattr__(self, "sides", sides_of(self.images, self.split))

    def crosses(self, pair: Pair) -> bool:
        """Tell whether a pair stands on two sides of the split."""
        left, right = self.sides[pair.left], self.sides[pair.right]
        return bool(left and right and left != right)

    def leaked(self, split: Split | None = None) -> NDArray[np.int64]:
        """Return the queries, by row, that links connect with the enrolled side, or calibration with test.

        Args:
            split: Another split of the same images; by default the audit's own.
        """
        sides = self.sides if split is None else sides_of(self.images, split)
        found = _sides_by_group(self.groups, sides)
        rows = [
            row
            for row, (group, side) in enumerate(zip(self.groups, sides, strict=True))
            if side in ("calibration", "test") and len(found[group]) > 1
        ]
        return np.array(rows, dtype=np.int64)

    def in_one_part(self) -> dict[str, int]:
        """Return how many identities stand in one part alone, by part."""
        if self.split is None:
            return {}
        part = dict(zip(self.split.image_ids, self.split.parts, strict=True))
        parts: dict[str, set[str]] = defaultdict(set)
        for image_id, name in zip(self.images.table["image_id"], self.images.table["identity"], strict=True):
            if part[image_id] != "unused":
                parts[name].add(part[image_id])
        return dict(sorted(Counter(next(iter(found)) for found in parts.values() if len(found) == 1).items()))


def sides_of(images: ImageSet, split: Split | None) -> NDArray[np.object_]:
    """Return the side of each image: ``gallery`` (enrolled or learnt from), ``calibration``, ``test`` or empty."""
    sides = np.full(len(images), "", dtype=object)
    if split is not None:
        for part in ("gallery", "fit", "calibration", "test"):
            sides[split.indices(part, images)] = "gallery" if part == "fit" else part
    return sides


def repaired(audit: Audit, split: Split) -> Split:
    """Return the split without its leaks; what can't be on two sides leaves the queries and becomes ``unused``.

    A query that is linked with an enrolled image goes, and a calibration query that is linked with a test query;
    nothing is enrolled anew, and test queries are kept where they can be. Images that can't be read go too.

    Raises:
        ReidbenchError: A part is left without a query of a known animal.
    """
    sides = sides_of(audit.images, split)
    found = _sides_by_group(audit.groups, sides)
    unreadable = {row for suspect in audit.suspects if suspect.kind == "unreadable" for row in suspect.rows}
    dropped = set()
    for row, image_id in enumerate(audit.images.table["image_id"]):
        across = found[audit.groups[row]] - {""}
        leaks = sides[row] in ("calibration", "test") and "gallery" in across
        leaks |= sides[row] == "calibration" and "test" in across
        if leaks or row in unreadable:
            dropped.add(image_id)
    parts = tuple("unused" if i in dropped else part for i, part in zip(split.image_ids, split.parts, strict=True))
    mended = Split(split.image_ids, parts, split.kind, split.seed)
    _check_useful(audit.images, mended)
    return mended


def _check_useful(images: ImageSet, split: Split) -> None:
    identity = images.table["identity"].to_numpy(dtype=object)
    enrolled = set(identity[split.indices("gallery", images)])
    for part in ("calibration", "test"):
        asked = identity[split.indices(part, images)]
        if not any(name in enrolled for name in asked):
            raise ReidbenchError(
                f"without its leaks the split has no query of a known animal in {part}: {len(asked)} queries are left",
                where="--repair",
                remedy="the photographs of each animal are too alike for a split; add photographs of other days",
            )


def _sides_by_group(groups: NDArray[np.int64], sides: NDArray[np.object_]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for group, side in zip(groups.tolist(), sides, strict=True):
        if side:
            found[group].add(side)
    return found
