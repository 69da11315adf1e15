"""Which images are one photograph: saved again, made smaller, cut a little, or lit otherwise.

Two steps, so that 140,000 images take five minutes and not every pair is looked at. A k-d tree over low frequencies
names the nearest few of each image; then their small pictures are laid over one another, cut and shifted, and the
correlation decides.
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
"""Nearest images that each is compared with; a longer series of one photograph is still found, as a chain."""
REACH = 0.6
"""Largest distance of places that is looked at: cut by up to 6 % on each side, a zebra moves by at most .58."""
ALIKE = 0.955
"""Least correlation of two pictures that are called one photograph. So cut, 99 % of 420 zebras and drawn animals have
.976 and all have .969; of different animals the most alike have .942 among zebras and .889 among drawings."""
OVERLAID = 0.75
"""Least correlation as they are that is worth a closer look: photographs cut so have .79, most neighbours less."""
_SLACK = 0.5  # share by which a neighbour may be further than the true one; an exact search takes far longer
_SCALES = (1.0, 0.96, 0.92, 0.88)
_NEARLY = 0.15  # below ALIKE with both axes cut alike, so that cutting them apart is worth a try


@dataclass(frozen=True, slots=True, eq=False)
class NearPairs:
    """Pairs of rows that show one photograph.

    Attributes:
        rows: The two rows, the lower first, ``(n_pair, 2)``.
        correlation: How alike they are once laid over one another, ``ALIKE`` to 1, ``(n_pair,)``.
    """

    rows: NDArray[np.int64]
    correlation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)


def near_duplicates(prints: Fingerprints, *, alike: float = ALIKE) -> NearPairs:
    """Find images that are one photograph.

    Args:
        prints: The images.
        alike: Least correlation.

    Returns:
        Pairs among the nearest of each image, those with equal pixels too. Images of one colour are alike by nature and
        never paired.
    """
    candidates = nearest_pairs(prints.place)
    candidates = candidates[_overlaid(prints.small, candidates) >= min(OVERLAID, alike)]
    if not len(candidates):
        return NearPairs(candidates, np.zeros(0))
    found = np.array([correlation(prints.small[a], prints.small[b], alike) for a, b in candidates])
    kept = found >= alike
    return NearPairs(candidates[kept], found[kept])


def nearest_pairs(place: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return pairs of rows that lie near one another, the lower first, each once, ``(n_pair, 2)``."""
    rows = np.flatnonzero(np.abs(place).max(axis=1, initial=0) > 0)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64)
    tree = cKDTree(place[rows])
    k = min(NEIGHBOURS + 1, len(rows))
    distance, near = tree.query(place[rows], k=k, distance_upper_bound=REACH, eps=_SLACK)
    first, column = np.nonzero(np.isfinite(distance))
    second = near[first, column]
    pairs = np.sort(np.stack([rows[first], rows[second]], axis=1), axis=1)
    return np.asarray(np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0), dtype=np.int64)


def correlation(left: NDArray[np.uint8], right: NDArray[np.uint8], alike: float = ALIKE) -> float:
    """Return the best correlation of two small pictures, one of them cut by up to 12 % along each axis, -1 to 1.

    Stops at the first that is ``alike``, so two that are one photograph may be more alike than is said.
    """
    best = max(_laid(left, right, scale, scale) for scale in _SCALES)
    if best >= alike or best < alike - _NEARLY:
        return best
    for x in _SCALES:
        for y in _SCALES:
            if x != y:
                best = max(best, _laid(left, right, x, y))
    return best


def groups_of(pairs: NDArray[np.int64], n_image: int) -> NDArray[np.int64]:
    """Return a number for each image, the same for those that pairs connect, ``(n_image,)``."""
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n_image, n_image))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _overlaid(small: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the correlation of the pictures of each pair as they are, ``(n_pair,)``."""
    found = np.zeros(len(pairs), np.float32)
    for start in range(0, len(pairs), 4096):
        block = pairs[start : start + 4096]
        left, right = (small[block[:, side]].reshape(len(block), -1).astype(np.float32) for side in (0, 1))
        left -= left.mean(axis=1, keepdims=True)
        right -= right.mean(axis=1, keepdims=True)
        length = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        found[start : start + 4096] = (left * right).sum(axis=1) / np.maximum(length, 1e-6)
    return found


def _laid(left: NDArray[np.uint8], right: NDArray[np.uint8], x: float, y: float) -> float:
    """Lay each picture, made smaller, over the other at its best place; light's mean and range do not count."""
    shape = (round(x * SIDE), round(y * SIDE))
    found = []
    for whole, part in ((left, right), (right, left)) if x < 1 or y < 1 else ((left, right),):
        piece = part if shape == (SIDE, SIDE) else cv2.resize(part, shape, interpolation=cv2.INTER_AREA)
        found.append(float(cv2.matchTemplate(whole, piece, cv2.TM_CCOEFF_NORMED).max()))
    return max(found)
