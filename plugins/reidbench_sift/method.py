"""RootSIFT: the square root of L1-normalised SIFT, so that Euclidean distance becomes Hellinger's.

Source: Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", 2012.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from reidbench import PairMethod, match_descriptors


class Sift(PairMethod):
    """The similarity of two images is the number of keypoints that match."""

    def describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray]:
        scale = self.settings.longest_side / max(pixels.shape[:2])
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=interpolation), cv2.COLOR_RGB2GRAY)
        sift = cv2.SIFT.create(nfeatures=self.settings.keypoints, contrastThreshold=self.settings.contrast)
        _, found = sift.detectAndCompute(grey, None)
        if found is None:
            return {"descriptor": np.empty((0, 128), np.float32)}
        # OpenCV keeps all keypoints that tie with the last one; the limit holds all the same.
        found = found[: self.settings.keypoints]
        total = np.abs(found).sum(1, keepdims=True)
        return {"descriptor": np.sqrt(found / np.maximum(total, 1e-12)).astype(np.float32)}

    def compare(self, query: Mapping[str, NDArray], gallery: Mapping[str, NDArray]) -> float:
        return float(len(match_descriptors(query["descriptor"], gallery["descriptor"], self.settings.ratio)))
