"""Find near-duplicates: photographs that were saved again, resized, cropped a little or changed in brightness.

Comparing all pairs would take too long. A k-d tree over the lowest frequencies finds a few neighbours of each image;
then the small pictures are compared, cropped and shifted, by their correlation. 140,000 images take five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from reidbench.auditing.fingerprints import SIDE, Fingerprints

NEIGHBOURS = 12
"""Number of neighbours that each image is compared with; a longer series of copies is still found as a chain."""
MAX_DISTANCE = 0.6
"""Largest distance between the frequencies of neighbours. Cropping a zebra by up to 6 % on each side gives at most .58.
"""
MIN_CORRELATION = 0.955
"""Lowest correlation of a near-duplicate.

Among 420 zebras and drawn animals that were cropped by up to 6 % on each side, 99 % correlate by at least .976 with
their source, and all by at least .969. The highest correlation of different animals is .942 for zebras and .889 for
drawings.
"""
MIN_UNCROPPED = 0.75
"""Lowest correlation of the uncropped pictures for a closer comparison; copies cropped as above have at least .79."""
_SLACK = 0.5  # relative error that the neighbour search may make; an exact search takes far longer
_SCALES = (1.0, 0.96, 0.92, 0.88)
_NEARLY = 0.15  # a pair within this of the limit is also compared with both axes cropped differently


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """Pairs of near-duplicates.

    Attributes:
        rows: The two rows of each pair, the lower first, ``(n_pair, 2)``.
        correlation: Correlation at the best crop and position, from the limit to 1, ``(n_pair,)``.
    """

    rows: NDArray[np.int64]
    correlation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)


def near_duplicates(fingerprints: Fingerprints, *, alike: float = MIN_CORRELATION) -> NearPairs:
    """Find near-duplicates among the neighbours of each image.

    Args:
        fingerprints: Fingerprints of the images.
        alike: Lowest correlation of a near-duplicate, 0 to 1.

    Returns:
        The pairs, with those of equal pixels. Images of one colour are never paired.
    """
    candidates = nearest_pairs(fingerprints.frequencies)
    candidates = candidates[_uncropped_correlation(fingerprints.small, candidates) >= min(MIN_UNCROPPED, alike)]
    if not len(candidates):
        return NearPairs(candidates, np.zeros(0))
    correlations = np.array(
        [correlation(fingerprints.small[left], fingerprints.small[right], alike) for left, right in candidates]
    )
    kept = correlations >= alike
    return NearPairs(candidates[kept], correlations[kept])


def nearest_pairs(frequencies: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return pairs of neighbours, the lower row first, each pair once, ``(n_pair, 2)``.

    Args:
        frequencies: Lowest frequencies of each image, ``(n_image, 24)``; rows of zeros have no neighbours.
    """
    rows = np.flatnonzero(np.abs(frequencies).max(axis=1, initial=0) > 0)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64)
    tree = cKDTree(frequencies[rows])
    k = min(NEIGHBOURS + 1, len(rows))
    distance, near = tree.query(frequencies[rows], k=k, distance_upper_bound=MAX_DISTANCE, eps=_SLACK)
    first, column = np.nonzero(np.isfinite(distance))
    second = near[first, column]
    pairs = np.sort(np.stack([rows[first], rows[second]], axis=1), axis=1)
    return np.asarray(np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0), dtype=np.int64)


def correlation(left: NDArray[np.uint8], right: NDArray[np.uint8], alike: float = MIN_CORRELATION) -> float:
    """Return the highest correlation of two small pictures, one cropped by up to 12 % along each axis, -1 to 1.

    The search stops when ``alike`` is reached, so the correlation of a near-duplicate may be higher than the result.
    """
    best = max(_cropped_correlation(left, right, scale, scale) for scale in _SCALES)
    if best >= alike or best < alike - _NEARLY:
        return best
    for x in _SCALES:
        for y in _SCALES:
            if x != y:
                best = max(best, _cropped_correlation(left, right, x, y))
    return best


def groups_of(pairs: NDArray[np.int64], n_image: int) -> NDArray[np.int64]:
    """Return a group number for each image, the same for images that a chain of pairs connects, ``(n_image,)``."""
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n_image, n_image))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _uncropped_correlation(small: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the correlation of the two pictures of each pair without cropping, ``(n_pair,)``."""
    correlations = np.zeros(len(pairs), np.float32)
    for start in range(0, len(pairs), 4096):
        block = pairs[start : start + 4096]
        left, right = (small[block[:, side]].reshape(len(block), -1).astype(np.float32) for side in (0, 1))
        left -= left.mean(axis=1, keepdims=True)
        right -= right.mean(axis=1, keepdims=True)
        length = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        correlations[start : start + 4096] = (left * right).sum(axis=1) / np.maximum(length, 1e-6)
    return correlations


def _cropped_correlation(left: NDArray[np.uint8], right: NDArray[np.uint8], x: float, y: float) -> float:
    """Shrink one picture to ``x`` and ``y`` of the side, and return its correlation at the best position on the other.

    Either picture may be the crop of the other, so both are tried. Mean and scale of the brightness do not count.
    """
    shape = (round(x * SIDE), round(y * SIDE))
    correlations = []
    for whole, crop in ((left, right), (right, left)) if x < 1 or y < 1 else ((left, right),):
        template = crop if shape == (SIDE, SIDE) else cv2.resize(crop, shape, interpolation=cv2.INTER_AREA)
        correlations.append(float(cv2.matchTemplate(whole, template, cv2.TM_CCOEFF_NORMED).max()))
    return max(correlations)
