"""Find leaks in a split, which make its numbers look better than they are."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.splits.split import QUERIES


def leaks(parts: NDArray[np.object_], images: ImageSet) -> list[str]:
    """Return a sentence for each kind of leak.

    Args:
        parts: Part of each image, ``(n,)``.
        images: The images.
    """
    sides: dict[tuple[str, str], set[str]] = defaultdict(set)
    of_identity: dict[str, set[str]] = defaultdict(set)
    for identity, date, part in zip(images.identity.tolist(), images.date.tolist(), parts, strict=True):
        if part != "unused":
            of_identity[identity].add(part)
            if date:  # an image without a date is on one side by itself
                sides[identity, date].add("gallery" if part == "fit" else part)
    torn = sorted((*encounter, sorted(found)) for encounter, found in sides.items() if len(found) > 1)
    warnings = []
    if torn:
        name, date, found = torn[0]
        warnings.append(
            f"{len(torn)} encounters (one animal, one day) are on two sides, such as '{name}' on {date} in "
            f"{' and '.join(found)}: scores will look better than they are"
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
