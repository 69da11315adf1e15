"""ORB: FAST keypoints with a direction, and binary descriptors of 256 bits, compared by their Hamming distance.

Descriptors are stored as 32 bytes. For the comparison each bit becomes 1/16 or -1/16. Such a vector has length 1, and
the cosine of two of them is ``1 - h / 128`` with the Hamming distance ``h``. The nearest neighbours by cosine are
therefore those by Hamming distance. The squared Euclidean distance is ``h / 64``, so the ratio test compares the roots
of Hamming distances.

Source: Rublee, Rabaud, Konolige and Bradski, "ORB: an efficient alternative to SIFT or SURF", 2011.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import LocalFeatureMethod, Matches, Representation, detect_strongest, match_mutual

if TYPE_CHECKING:
    from reidbench_orb import OrbSettings


class Orb(LocalFeatureMethod):
    """A method whose similarity is the number of matching ORB keypoints."""

    def __init__(self, settings: OrbSettings) -> None:
        super().__init__(settings)
        self.geometry = settings.geometry

    @override
    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        return [self._describe(image) for image in pixels]

    @override
    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        descriptors = query.ragged["descriptor"], gallery.ragged["descriptor"]
        return match_mutual(*descriptors, pairs, ratio=self.settings.ratio, unpack=signs)

    def _describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        settings: OrbSettings = self.settings
        detector = cv2.ORB.create(nfeatures=settings.keypoints, fastThreshold=settings.contrast)
        return detect_strongest(detector, pixels, longest_side=settings.longest_side, keypoints=settings.keypoints)


def signs(descriptors: NDArray[Any]) -> NDArray[np.float32]:
    """Return a vector of length 1 for each binary descriptor, ``(..., 8 * n_byte)``: positive for 1, negative for 0.

    Args:
        descriptors: Bytes as numbers from 0 to 255, ``(..., n_byte)``.

    Example:
        >>> signs(np.array([[192, 0]])).tolist()[0][:3]
        [0.25, 0.25, -0.25]
    """
    bits = np.unpackbits(descriptors.astype(np.uint8), axis=-1).astype(np.float32)
    return np.asarray((2 * bits - 1) / np.float32(np.sqrt(bits.shape[-1])), dtype=np.float32)
