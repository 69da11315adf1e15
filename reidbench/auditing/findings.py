"""Findings of an audit: pairs of linked images, suspects, leaked queries, and the repair of a split.

A *side* of a split is the gallery (with the images that a method is fitted on), calibration or test.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
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
"""Kinds of pair, the most certain first. A split without leaks separates no pair."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images of one photograph, one burst or one encounter.

    Attributes:
        kind: One of :data:`LINKS`.
        left: Row of the first image.
        right: Row of the second image.
        alike: Correlation of a near-duplicate, or cosine of a pair near in embedding; ``None`` for other kinds.
        apart_s: Seconds between two photographs of one burst; ``None`` for other kinds.
    """

    kind: str
    left: int
    right: int
    alike: float | None = None
    apart_s: float | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """Images that a person should check.

    Attributes:
        kind: The possible problem, such as ``tiny`` or ``one photograph under two names``.
        rows: Rows of the images.
        note: The file names, identities or sizes that show the problem.
    """

    kind: str
    rows: tuple[int, ...]
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The findings of an audit.

    Attributes:
        images: The dataset.
        split: The split; ``None`` if only the images were checked.
        pairs: Linked pairs of images, the most certain kinds first.
        suspects: Images that a person should check.
        groups: Group number of each image, ``(n_image,)``; images that a chain of links connects share one.
        notes: Notes for the reader, as sentences.
        not_checked: Kinds of pair that could not be checked, with the reason.
        sides: Side of the split of each image, ``(n_image,)``; see :func:`sides_of`.
    """

    images: ImageSet
    split: Split | None
    pairs: tuple[Pair, ...]
    suspects: tuple[Suspect, ...]
    groups: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    not_checked: Mapping[str, str] = field(default_factory=dict)
    sides: NDArray[np.object_] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.groups) != len(self.images):
            raise ValueError(f"{len(self.groups)} groups for {len(self.images)} images")
        object.__setattr__(self, "sides", sides_of(self.images, self.split))

    def crosses(self, pair: Pair) -> bool:
        """Whether the split separates the two images of a pair."""
        left, right = self.sides[pair.left], self.sides[pair.right]
        return bool(left and right and left != right)

    def leaked(self, split: Split | None = None) -> NDArray[np.int64]:
        """Return the rows of the leaked queries: calibration and test images linked with an image on another side.

        Args:
            split: Another split of the same images; by default the split of the audit.
        """
        sides = self.sides if split is None else sides_of(self.images, split)
        group_sides = _sides_by_group(self.groups, sides)
        rows = [
            row
            for row, (group, side) in enumerate(zip(self.groups, sides, strict=True))
            if side in ("calibration", "test") and len(group_sides[group]) > 1
        ]
        return np.array(rows, dtype=np.int64)

    def in_one_part(self) -> dict[str, int]:
        """Return for each part of the split how many identities occur in that part only; empty without a split."""
        if self.split is None:
            return {}
        part = dict(zip(self.split.image_ids, self.split.parts, strict=True))
        parts: dict[str, set[str]] = defaultdict(set)
        for image_id, name in zip(self.images.table["image_id"], self.images.table["identity"], strict=True):
            if part[image_id] != "unused":
                parts[name].add(part[image_id])
        return dict(sorted(Counter(next(iter(only)) for only in parts.values() if len(only) == 1).items()))


def sides_of(images: ImageSet, split: Split | None) -> NDArray[np.object_]:
    """Return the side of each image: ``gallery`` (with the part ``fit``), ``calibration``, ``test`` or empty."""
    sides = np.full(len(images), "", dtype=object)
    if split is not None:
        for part in ("gallery", "fit", "calibration", "test"):
            sides[split.indices(part, images)] = "gallery" if part == "fit" else part
    return sides


def repaired(audit: Audit, split: Split) -> Split:
    """Return the split without its leaks.

    These images become ``unused``: queries linked with a gallery image, calibration queries linked with a test query,
    and images that cannot be read. No image is added to the gallery.

    Raises:
        ReidbenchError: A part would have no query of a known animal left.
    """
    sides = sides_of(audit.images, split)
    group_sides = _sides_by_group(audit.groups, sides)
    unreadable = {row for suspect in audit.suspects if suspect.kind == "unreadable" for row in suspect.rows}
    dropped = set()
    for row, image_id in enumerate(audit.images.table["image_id"]):
        linked_sides = group_sides[audit.groups[row]]
        leaks = sides[row] in ("calibration", "test") and "gallery" in linked_sides
        leaks |= sides[row] == "calibration" and "test" in linked_sides
        if leaks or row in unreadable:
            dropped.add(image_id)
    parts = tuple("unused" if i in dropped else part for i, part in zip(split.image_ids, split.parts, strict=True))
    without_leaks = Split(split.image_ids, parts, split.kind, split.seed).on(audit.images)
    _check_useful(audit.images, without_leaks)
    return without_leaks


def _check_useful(images: ImageSet, split: Split) -> None:
    identity = images.table["identity"].to_numpy(dtype=object)
    enrolled = set(identity[split.indices("gallery", images)])
    for part in ("calibration", "test"):
        queries = identity[split.indices(part, images)]
        if not any(name in enrolled for name in queries):
            raise ReidbenchError(
                f"without its leaks the split has no query of a known animal in {part}; it has {len(queries)} queries",
                where="--repair",
                remedy="add photographs from other days: all photographs of each known animal are linked",
            )


def _sides_by_group(groups: NDArray[np.int64], sides: NDArray[np.object_]) -> dict[int, set[str]]:
    group_sides: dict[int, set[str]] = defaultdict(set)
    for group, side in zip(groups.tolist(), sides, strict=True):
        if side:
            group_sides[group].add(side)
    return group_sides
