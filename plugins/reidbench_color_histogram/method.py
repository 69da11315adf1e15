"""The square root of a joint HSV histogram. The cosine of two such vectors is the Bhattacharyya coefficient."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import EmbeddingMethod


class ColorHistogram(EmbeddingMethod):
    """One colour histogram for each image; the position of a colour in the image does not matter."""

    @override
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        bins = [self.settings.hue_bins, self.settings.saturation_bins, self.settings.value_bins]
        rows = []
        for image in pixels:
            hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
            counts = cv2.calcHist([hsv], [0, 1, 2], None, bins, [0, 180, 0, 256, 0, 256]).ravel()
            rows.append(np.sqrt(counts / counts.sum()))
        return np.stack(rows)
