"""Similarities of embeddings; higher is more alike, so Euclidean distance is negated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unit(embedding: NDArray) -> NDArray:
    """Scale each row to length 1; a row of zeros stays zero, alike to nothing."""
    embedding = np.asarray(embedding, dtype=np.float32)
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    return np.asarray(embedding / np.where(length > 0, length, 1.0))


def cosine_similarity(query: NDArray, gallery: NDArray) -> NDArray:
    """Return the cosine of every pair, ``(n_query, n_gallery)`` in [-1, 1].

    Example:
        >>> cosine_similarity(np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 3.0]])).tolist()
        [[1.0, 0.0]]
    """
    return unit(query) @ unit(gallery).T


def euclidean_similarity(query: NDArray, gallery: NDArray) -> NDArray:
    """Return minus the Euclidean distance of every pair, ``(n_query, n_gallery)``, at most 0.

    Example:
        >>> euclidean_similarity(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
        [[-5.0]]
    """
    query = np.asarray(query, dtype=np.float64)
    gallery = np.asarray(gallery, dtype=np.float64)
    squared = (query**2).sum(1)[:, None] + (gallery**2).sum(1)[None, :] - 2 * query @ gallery.T
    return -np.sqrt(np.maximum(squared, 0.0))
