"""Compare the local features of two images: mutual nearest neighbours that pass the ratio test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def match_descriptors(query: NDArray, gallery: NDArray, ratio: float = 0.8) -> NDArray[np.int64]:
    """Match unit-length descriptors by mutual nearest neighbour and Lowe's ratio test.

    Without the ratio test, mutual neighbours alone count chance matches, and recognise far worse.

    Args:
        query: ``(n, dim)`` descriptors of unit length.
        gallery: ``(m, dim)`` descriptors of unit length.
        ratio: A match's distance is below ``ratio`` times that to the next best in the gallery image.

    Returns:
        Index pairs ``(n_match, 2)``; none when either image has fewer than two descriptors.

    Example:
        >>> match_descriptors(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)).tolist()
        [[0, 0], [1, 1], [2, 2]]
    """
    if len(query) < 2 or len(gallery) < 2:
        return np.empty((0, 2), np.int64)
    alike = query.astype(np.float32, copy=False) @ gallery.astype(np.float32, copy=False).T
    nearest = alike.argmax(1)
    back = alike.argmax(0)
    rows = np.flatnonzero(back[nearest] == np.arange(len(query)))
    if not len(rows):
        return np.empty((0, 2), np.int64)
    columns = nearest[rows]
    best = alike[rows, columns]
    # For unit vectors the squared distance is 2 - 2 cos, so the test needs the second best cosine alone.
    second = np.partition(alike[rows], -2, axis=1)[:, -2]
    passes = (1 - best) < ratio**2 * (1 - second)
    return np.stack([rows[passes], columns[passes]], axis=1).astype(np.int64)
