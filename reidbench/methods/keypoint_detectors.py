"""Local features by a detector of OpenCV, such as KAZE or ORB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import cv2


def detect_strongest(
    detector: cv2.Feature2D, pixels: NDArray[np.uint8], *, longest_side: int, keypoints: int
) -> dict[str, NDArray[Any]]:
    """Return the strongest keypoints of an image with their descriptors, as a local method describes an image.

    Args:
        detector: A detector of OpenCV that also computes descriptors.
        pixels: The image, RGB ``(height, width, 3)``.
        longest_side: The image is resized to this longest side in pixels; its aspect stays.
        keypoints: Largest number of keypoints. Of equally strong ones, those that the detector lists first are kept.

    Returns:
        ``keypoint`` ``(n, 2)``, x and y as shares of width and height, and ``descriptor`` ``(n, dim)`` as the detector
        computes it; no rows if there are no keypoints.
    """
    import cv2

    scale = longest_side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=interpolation), cv2.COLOR_RGB2GRAY)
    points, descriptors = detector.detectAndCompute(grey, None)
    if descriptors is None:
        dtype = np.uint8 if detector.descriptorType() == cv2.CV_8U else np.float32
        descriptors = np.empty((0, detector.descriptorSize()), dtype)
    order = np.argsort([-point.response for point in points], kind="stable").astype(np.int64)[:keypoints]
    # OpenCV counts from the centre of the first pixel, so its left edge is at -0.5.
    place = np.array([points[index].pt for index in order], np.float32).reshape(-1, 2) + np.float32(0.5)
    shares = np.clip(place / np.array(size, np.float32), 0, 1)
    return {"keypoint": shares.astype(np.float32), "descriptor": descriptors[order]}
