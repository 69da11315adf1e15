"""What makes the numbers of a split look better than they are, told in sentences."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.splits.split import QUERIES


def leaks(parts: NDArray[np.object_], images: ImageSet) -> list[str]:
    """Say what makes the numbers of a split look better than they are."""
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
            f"{len(torn)} encounters (one animal, one day) stand on two sides, such as '{name}' on {date} in "
            f"{' and '.join(found)}: scores will look better than they are"
        )
    shared = sorted(name for name, found in of_identity.items() if "gallery" not in found and found >= set(QUERIES))
    if shared:
        warnings.append(f"{len(shared)} unknown identities are in calibration and in test, such as '{shared[0]}'")
    learnt = sorted(
        name for name, found in of_identity.items() if "gallery" not in found and "fit" in found and len(found) > 1
    )
    if learnt:
        warnings.append(f"{len(learnt)} unknown identities are learnt from in fit, such as '{learnt[0]}'")
    return warnings
