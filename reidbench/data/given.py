"""What a source says of its own images besides who is on them: the split it comes with, what it asks, and masks.

Nothing here is shown to a method, and nothing here is part of an image set's digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from reidbench.data.images import ImageSet

UNNAMED = "unnamed:"
"""Begins the identity of an image that nobody has named: each is an animal of its own, enrolled nowhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a source gives besides its images.

    Attributes:
        kind: Kind of split that is made where none is asked for; empty where the source has no say.
        part: The source's own part of each image (its column ``split``), ``(n,)`` strings, empty where it has none.
        cluster: Its cluster of near-duplicates (its column ``cluster_id``), ``(n,)`` strings, empty where it has none.
        asked: Images without an identity that the source wants answered; each has an identity that begins with
            :data:`UNNAMED`.
        mask: Its mask of each animal (its column ``segmentation``) as the source writes it, ``(n,)``, ``None`` for an
            image without one; :func:`reidbench.data.masks.decode_mask` reads it. ``None`` where no image has one.
    """

    part: NDArray
    cluster: NDArray
    kind: str = ""
    asked: ImageSet | None = None
    mask: NDArray | None = None

    def __post_init__(self) -> None:
        if self.part.shape != self.cluster.shape or self.part.ndim != 1:
            raise ValueError(f"part and cluster have shapes {self.part.shape} and {self.cluster.shape}")
        if self.mask is not None and self.mask.shape != self.part.shape:
            raise ValueError(f"mask has shape {self.mask.shape} for {len(self.part)} images")

    def __len__(self) -> int:
        return len(self.part)

    def take(self, rows: NDArray[np.int64]) -> Given:
        mask = None if self.mask is None else self.mask[rows]
        return Given(self.part[rows], self.cluster[rows], self.kind, self.asked, mask)
