"""RootSIFT: the square root of L1-normalised SIFT, so that Euclidean distance becomes Hellinger's.

Source: Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", 2012.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from reidbench import LocalFeatureMethod, Matches, Representation, match_mutual

if TYPE_CHECKING:
    from reidbench_sift import SiftSettings


class Sift(LocalFeatureMethod):
    """The similarity of two images is the number of keypoints that match."""

    def __init__(self, settings: SiftSettings) -> None:
        super().__init__(settings)
        self.geometry = settings.geometry

    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray]]:
        return [self._describe(image) for image in pixels]

    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        return match_mutual(query.ragged["descriptor"], gallery.ragged["descriptor"], pairs, ratio=self.settings.ratio)

    def _describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray]:
        scale = self.settings.longest_side / max(pixels.shape[:2])
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=interpolation), cv2.COLOR_RGB2GRAY)
        sift = cv2.SIFT.create(nfeatures=self.settings.keypoints, contrastThreshold=self.settings.contrast)
        points, found = sift.detectAndCompute(grey, None)
        if found is None:
            return {"keypoint": np.empty((0, 2), np.float32), "descriptor": np.empty((0, 128), np.float32)}
        # OpenCV keeps all keypoints that tie with the last one; the limit holds all the same.
        found = found[: self.settings.keypoints]
        place = np.array([point.pt for point in points[: len(found)]], np.float32)
        total = np.abs(found).sum(1, keepdims=True)
        return {
            "keypoint": place / np.array(size, np.float32),
            "descriptor": np.sqrt(found / np.maximum(total, 1e-12)).astype(np.float32),
        }
