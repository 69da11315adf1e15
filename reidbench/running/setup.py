"""What one run consists of: method, images, split, seed and options. Every stage of a run takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.sides import ANY, MatchSides
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import GalleryMode
from reidbench.matching.pooling import IMAGE
from reidbench.methods.contract import Method
from reidbench.progress import Progress
from reidbench.running.building import Assembled


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What one run consists of.

    Attributes:
        assembled: The method with its parts, prepared.
        images: All images of the dataset.
        split: Part of each image.
        seed: Seed of fitting and of score calibration.
        gallery_mode: Whether a query searches the gallery of the same group or of all groups.
        device: Where networks run.
        progress: Where bars and warnings go.
        query: What one query is: ``image``, ``encounter:best`` or ``encounter:mean``.
        match_sides: Whether images of ``any`` side are compared, or only those of the ``same`` side.
        rows: Rows of ``images`` in each part of the split.
        learned_from: Rows of the images that the method is fitted on: the part ``fit``, or the gallery if ``fit`` is
            empty.
        learned: Identities in these images, sorted.
        enrolled: Identities in the gallery, sorted.
    """

    assembled: Assembled
    images: ImageSet
    split: Split
    seed: int
    gallery_mode: GalleryMode
    device: str
    progress: Progress
    query: str = IMAGE
    match_sides: MatchSides = ANY
    rows: Mapping[str, NDArray[np.int64]] = field(init=False)
    learned_from: NDArray[np.int64] = field(init=False)
    learned: NDArray[Any] = field(init=False)
    enrolled: NDArray[Any] = field(init=False)

    def __post_init__(self) -> None:
        rows = {part: self.split.indices(part, self.images) for part in ("gallery", "fit", "calibration", "test")}
        learned_from = rows["fit"] if len(rows["fit"]) else rows["gallery"]
        derived = {
            "rows": rows,
            "learned_from": learned_from,
            "learned": np.unique(self.images.identity[learned_from]),
            "enrolled": np.unique(self.images.identity[rows["gallery"]]),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def method(self) -> Method:
        """The whole method."""
        return self.assembled.method

    def check_learned(self) -> None:
        """Check that a classifier learns the enrolled identities; warn if it learns only some of them.

        Raises:
            ReidbenchError: It learns none of them.
        """
        unlearned = np.setdiff1d(self.enrolled, self.learned)
        for part in self.assembled.feature_parts:
            if part.method.matching != "identity" or not len(unlearned):
                continue
            if len(unlearned) == len(self.enrolled):
                raise ReidbenchError(
                    f"{part.name} can predict only identities that it learned, and none of them is enrolled",
                    where="a disjoint split",
                    remedy="use an open-set split: --split-kind open-set",
                )
            self.progress.warn(
                f"{part.name} did not learn {len(unlearned)} of {len(self.enrolled)} enrolled identities, such as "
                f"'{unlearned[0]}': it never predicts them"
            )
