"""Similarity of embeddings; higher is more alike, so the Euclidean distance is negated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def unit(embedding: NDArray[Any]) -> NDArray[Any]:
    """Scale each row to length 1; a row of zeros is unchanged and has cosine 0 with every other."""
    embedding = np.asarray(embedding, dtype=np.float32)
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    return np.asarray(embedding / np.where(length > 0, length, 1.0))


def cosine_similarity(query: NDArray[Any], gallery: NDArray[Any]) -> NDArray[Any]:
    """Return the cosine of every pair, ``(n_query, n_gallery)`` in [-1, 1].

    Example:
        >>> cosine_similarity(np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 3.0]])).tolist()
        [[1.0, 0.0]]
    """
    return np.asarray(unit(query) @ unit(gallery).T)


def euclidean_similarity(query: NDArray[Any], gallery: NDArray[Any]) -> NDArray[Any]:
    """Return minus the Euclidean distance of every pair, ``(n_query, n_gallery)``, at most 0.

    Example:
        >>> euclidean_similarity(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
        [[-5.0]]
    """
    query = np.asarray(query, dtype=np.float64)
    gallery = np.asarray(gallery, dtype=np.float64)
    squared = (query**2).sum(1)[:, None] + (gallery**2).sum(1)[None, :] - 2 * query @ gallery.T
    return np.asarray(-np.sqrt(np.maximum(squared, 0.0)))


def pairwise(
    query: NDArray[Any], gallery: NDArray[Any], pairs: NDArray[np.int64], metric: str, block: int = 8192
) -> NDArray[Any]:
    """Return the similarity of pairs of rows, ``(n_pair,)``, without the whole matrix.

    Args:
        query: Embeddings ``(n_query, dim)``.
        gallery: Embeddings ``(n_gallery, dim)``.
        pairs: Row in ``query`` and row in ``gallery`` of each pair, ``(n_pair, 2)``.
        metric: ``cosine`` or ``euclidean``.
        block: Number of pairs to compare at once.

    Example:
        >>> pairwise(np.eye(2), np.eye(2), np.array([[0, 0], [0, 1]]), "cosine").tolist()
        [1.0, 0.0]
    """
    if metric == "cosine":
        query, gallery = unit(query), unit(gallery)
    similarity = np.empty(len(pairs))
    for start in range(0, len(pairs), block):
        rows = pairs[start : start + block]
        left, right = query[rows[:, 0]].astype(np.float64), gallery[rows[:, 1]].astype(np.float64)
        similarity[start : start + block] = (
            np.einsum("ij,ij->i", left, right) if metric == "cosine" else -np.linalg.norm(left - right, axis=1)
        )
    return similarity
