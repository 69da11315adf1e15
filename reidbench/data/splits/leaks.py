"""Find leaks in a split, which make its numbers look better than they are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.splits.split import QUERIES


@dataclass(frozen=True, slots=True)
class Shared:
    """The queries of one part that have a photograph of their encounter in the gallery.

    Attributes:
        count: Number of these queries.
        of: Number of all queries of the part.
    """

    count: int
    of: int

    @property
    def share(self) -> float:
        """Share of these queries, in [0, 1]; 0 if the part has no query."""
        return self.count / self.of if self.of else 0.0


def shared_encounters(parts: NDArray[np.object_], images: ImageSet) -> dict[str, Shared]:
    """Count the queries of calibration and of test that have a photograph of their encounter in the gallery.

    Args:
        parts: Part of each image, ``(n,)``.
        images: The images.
    """
    gallery = images.encounter[parts == "gallery"]
    counts = {}
    for part in QUERIES:
        shared = np.isin(images.encounter[parts == part], gallery)
        counts[part] = Shared(int(shared.sum()), len(shared))
    return counts


def leaks(parts: NDArray[np.object_], images: ImageSet) -> list[str]:
    """Return a sentence for each kind of leak.

    Args:
        parts: Part of each image, ``(n,)``.
        images: The images.
    """
    sides: dict[str, set[str]] = defaultdict(set)
    first: dict[str, int] = {}
    of_identity: dict[str, set[str]] = defaultdict(set)
    for row, (identity, encounter, part) in enumerate(
        zip(images.identity.tolist(), images.encounter.tolist(), parts, strict=True)
    ):
        if part != "unused":
            of_identity[identity].add(part)
            sides[encounter].add("gallery" if part == "fit" else part)
            first.setdefault(encounter, row)
    torn = sorted(
        (str(images.identity[first[encounter]]), _when(images, first[encounter]), sorted(sides_of_one))
        for encounter, sides_of_one in sides.items()
        if len(sides_of_one) > 1
    )
    warnings = []
    if torn:
        name, when, parted = torn[0]
        counted = "; ".join(
            f"{each.count} of {each.of} {part} queries have a photograph of their encounter in the gallery"
            for part, each in shared_encounters(parts, images).items()
            if each.count
        )
        warnings.append(
            f"{len(torn)} encounters are on two sides, such as '{name}'{when} in {' and '.join(parted)}: scores will "
            f"look better than they are{counted and f' ({counted})'}"
        )
    shared = sorted(name for name, found in of_identity.items() if "gallery" not in found and found >= set(QUERIES))
    if shared:
        warnings.append(f"{len(shared)} unknown identities are in calibration and in test, such as '{shared[0]}'")
    learnt = sorted(
        name for name, found in of_identity.items() if "gallery" not in found and "fit" in found and len(found) > 1
    )
    if learnt:
        warnings.append(f"{len(learnt)} unknown identities are also in fit, such as '{learnt[0]}'")
    return warnings


def _when(images: ImageSet, row: int) -> str:
    """Return the day of an image or the value of its encounter, to be read after the name of the animal."""
    value = images.encounter_value(row)
    day = images.date[row] or images.time[row][:10]
    return f" on {day}" if day else f" in encounter '{value}'" if value else ""
