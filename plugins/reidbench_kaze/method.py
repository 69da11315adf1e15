"""KAZE: keypoints in a scale space that keeps edges sharp, with descriptors of signed numbers and length 1.

The descriptors are compared as they are. A square root, as in RootSIFT, does not exist for their negative values.

Source: Alcantarilla, Bartoli and Davison, "KAZE Features", 2012.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import LocalFeatureMethod, Matches, ReidbenchError, Representation, detect_strongest, match_mutual

if TYPE_CHECKING:
    from reidbench_kaze import KazeSettings


class Kaze(LocalFeatureMethod):
    """A method whose similarity is the number of matching KAZE keypoints.

    Raises:
        ReidbenchError: The installed OpenCV has no KAZE.
    """

    def __init__(self, settings: KazeSettings) -> None:
        super().__init__(settings)
        self.geometry = settings.geometry
        # Version 5 of OpenCV moved KAZE from its main modules to those of opencv-contrib.
        home: Any = cv2 if hasattr(cv2, "KAZE") else getattr(cv2, "xfeatures2d", None)
        if not hasattr(home, "KAZE"):
            raise ReidbenchError(
                f"kaze can't run here: OpenCV {cv2.__version__} is installed without KAZE",
                where="--method kaze",
                remedy="pip install 'opencv-python<5'",
            )
        self._detector = home.KAZE.create(threshold=settings.threshold)

    @override
    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        return [self._describe(image) for image in pixels]

    @override
    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        descriptors = query.ragged["descriptor"], gallery.ragged["descriptor"]
        return match_mutual(*descriptors, pairs, ratio=self.settings.ratio)

    def _describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        settings: KazeSettings = self.settings
        features = detect_strongest(
            self._detector, pixels, longest_side=settings.longest_side, keypoints=settings.keypoints
        )
        return {**features, "descriptor": features["descriptor"].astype(np.float16)}
