"""RootSIFT: the square root of L1-normalised SIFT descriptors; their Euclidean distance is the Hellinger distance.

SIFT values are whole numbers from 0 to 255. They are stored as bytes, a quarter of the size of floats. The roots are
computed for the comparison.

Source: Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", 2012.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import LocalFeatureMethod, Matches, Representation, match_mutual

if TYPE_CHECKING:
    from reidbench_sift import SiftSettings


class Sift(LocalFeatureMethod):
    """A method whose similarity is the number of matching SIFT keypoints."""

    def __init__(self, settings: SiftSettings) -> None:
        super().__init__(settings)
        self.geometry = settings.geometry

    @override
    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        return [self._describe(image) for image in pixels]

    @override
    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        descriptors = query.ragged["descriptor"], gallery.ragged["descriptor"]
        return match_mutual(*descriptors, pairs, ratio=self.settings.ratio, unpack=roots)

    def _describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        scale = self.settings.longest_side / max(pixels.shape[:2])
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=interpolation), cv2.COLOR_RGB2GRAY)
        sift = cv2.SIFT.create(nfeatures=self.settings.keypoints, contrastThreshold=self.settings.contrast)
        points, descriptors = sift.detectAndCompute(grey, None)
        if descriptors is None:
            return {"keypoint": np.empty((0, 2), np.float32), "descriptor": np.empty((0, 128), np.uint8)}
        # OpenCV returns more keypoints than the limit if several are as strong as the last one.
        descriptors = descriptors[: self.settings.keypoints]
        pixel = np.array([point.pt for point in points[: len(descriptors)]], np.float32)
        return {"keypoint": pixel / np.array(size, np.float32), "descriptor": descriptors.astype(np.uint8)}


def roots(descriptors: NDArray[Any]) -> NDArray[Any]:
    """Return RootSIFT descriptors, float32 of length 1, from SIFT values ``(..., 128)``; zeros stay zeros.

    Example:
        >>> roots(np.array([[9, 16, 0, 0]])).tolist()
        [[0.6000000238418579, 0.800000011920929, 0.0, 0.0]]
    """
    values = descriptors.astype(np.float32, copy=False)
    return np.asarray(np.sqrt(values / np.maximum(values.sum(-1, keepdims=True), 1e-12)))
