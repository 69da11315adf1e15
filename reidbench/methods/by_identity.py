"""The best score of each identity over its gallery images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def best_by_identity(similarity: NDArray[Any], codes: NDArray[np.int64]) -> NDArray[Any]:
    """Return the best score of each identity for each query, ``(n_query, n_identity)``.

    Args:
        similarity: Similarity of each query to each gallery image, ``(n_query, n_gallery)``.
        codes: Identity of each gallery image as a number, 0 … n_identity - 1; each number occurs at least once.
    """
    order, starts = images_by_identity(codes)
    return np.asarray(np.maximum.reduceat(similarity[:, order], starts, axis=1))


def images_by_identity(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort gallery images by identity, for the use of ``np.maximum.reduceat``.

    Returns:
        The images in order of identity (gallery order within one identity), and the place of each identity's first
        image in that order.
    """
    order = np.argsort(codes, kind="stable")
    return order, np.searchsorted(codes[order], np.arange(int(codes.max()) + 1))
