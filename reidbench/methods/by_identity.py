"""The best score of each identity, from the scores of its images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def best_by_identity(similarity: NDArray[Any], codes: NDArray[np.int64]) -> NDArray[Any]:
    """Return each identity's best score, ``(n_query, n_identity)``, from those of its images.

    Args:
        similarity: ``(n_query, n_gallery)``.
        codes: Identity of each gallery image, 0 … n_identity - 1, all present.
    """
    order, starts = images_by_identity(codes)
    return np.asarray(np.maximum.reduceat(similarity[:, order], starts, axis=1))


def images_by_identity(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort entries by identity, gallery order kept within one; one ``reduceat`` then finds every maximum."""
    order = np.argsort(codes, kind="stable")
    return order, np.searchsorted(codes[order], np.arange(int(codes.max()) + 1))
