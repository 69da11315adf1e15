"""Match local features of many pairs of images at once.

:func:`match_mutual` keeps mutual nearest neighbours that pass the ratio test; it needs no weights. One matrix product
compares a query with a block of gallery images. Images with fewer keypoints are padded; padding never matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.methods.representation import Ragged

Geometry = Literal["none", "affine", "homography", "fundamental"]

# Keypoint pairs in one block: 64 gallery images with 256 keypoints each against 256 keypoints, 16 MiB of float32.
BLOCK = 1 << 22
# Similarity of padding, below every cosine.
_PADDING = -2.0
_LEAST_MATCHES = {"affine": 3, "homography": 4, "fundamental": 8}


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The matching keypoints of many pairs of images, as one table sorted by pair, then by query keypoint.

    Attributes:
        pair: Number of the pair of images, ``(n_match,)``.
        query: Number of the keypoint in the query, ``(n_match,)``.
        gallery: Number of the keypoint in the gallery image, ``(n_match,)``.
        confidence: Confidence of the matcher, in [0, 1], ``(n_match,)``.
    """

    pair: NDArray[np.int64]
    query: NDArray[np.int64]
    gallery: NDArray[np.int64]
    confidence: NDArray[np.float32]

    def __post_init__(self) -> None:
        lengths = {len(self.pair), len(self.query), len(self.gallery), len(self.confidence)}
        if len(lengths) != 1:
            raise ValueError(f"the columns of matches have lengths {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.pair)

    @classmethod
    def join(cls, blocks: list[Matches]) -> Matches:
        """Join several tables into one sorted table."""
        if not blocks:
            none = np.zeros(0, np.int64)
            return cls(none, none, none, np.zeros(0, np.float32))
        pair, query, gallery = (
            np.concatenate([getattr(block, name) for block in blocks]) for name in ("pair", "query", "gallery")
        )
        order = np.lexsort((query, pair))
        confidence = np.concatenate([block.confidence for block in blocks])
        return cls(pair[order], query[order], gallery[order], confidence[order])

    def counts(self, n_pair: int) -> NDArray[np.int64]:
        """Return the number of matches of each pair, ``(n_pair,)``."""
        return np.asarray(np.bincount(self.pair, minlength=n_pair), dtype=np.int64)

    def of(self, pair: int) -> NDArray[np.int64]:
        """Return the matches of one pair of images, ``(n_match, 2)``: query keypoint and gallery keypoint."""
        rows = slice(*np.searchsorted(self.pair, [pair, pair + 1]))
        return np.stack([self.query[rows], self.gallery[rows]], axis=1)


def match_mutual(
    query: Ragged,
    gallery: Ragged,
    pairs: NDArray[np.int64],
    *,
    ratio: float = 0.8,
    device: str = "cpu",
    unpack: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
) -> Matches:
    """Match unit-length descriptors: keep mutual nearest neighbours that pass Lowe's ratio test.

    The ratio test removes most chance matches; without it, identification is far worse. The confidence of a match is
    ``1 - nearest distance / second nearest distance``.

    Args:
        query: Descriptors of unit length, ``(n_keypoint, dim)`` for each query.
        gallery: The same for each gallery image.
        pairs: Row of the query and row of the gallery image, ``(n_pair, 2)``.
        ratio: The distance of a match must be below ``ratio`` times the distance to the second nearest descriptor of
            the gallery image.
        device: ``cpu`` or ``cuda``.
        unpack: Converts stored descriptors, as float32 ``(..., dim)`` with zeros for padding, to unit length. By
            default the stored descriptors are compared unchanged.

    Returns:
        The matches; none if an image has fewer than two keypoints.
    """
    import torch

    blocks = []
    for block in _blocks(query, gallery, pairs):
        row = int(pairs[block[0], 0])
        images = pairs[block, 1]
        query_rows, gallery_rows = np.array(query[row], dtype=np.float32), gallery.padded(images)
        if unpack is not None:
            query_rows, gallery_rows = unpack(query_rows), unpack(gallery_rows)
        left, right = torch.from_numpy(query_rows).to(device), torch.from_numpy(gallery_rows).to(device)
        n_left, n_right = len(left), right.shape[1]
        cosine = (left @ right.reshape(-1, right.shape[2]).T).reshape(n_left, len(images), n_right)
        counts = torch.from_numpy(gallery.counts[images]).to(device)
        if int(counts.min()) < n_right:
            padding = torch.arange(n_right, device=device)[None, :] >= counts[:, None]
            cosine.masked_fill_(padding[None], _PADDING)
        best, nearest = cosine.max(2)
        best_of_gallery = cosine.amax(0)  # (n_image, n_right): best cosine of each gallery keypoint
        keypoint, image = torch.nonzero(best == best_of_gallery.gather(1, nearest.T).T, as_tuple=True)
        cosines, match = cosine[keypoint, image], nearest[keypoint, image]
        second = cosines.scatter_(1, match[:, None], _PADDING).amax(1)
        # The squared distance of two unit vectors is 2 - 2 cos, so cosines are enough for the ratio test.
        near, far = (1 - best[keypoint, image]).clamp(min=0), 1 - second
        passes = near < ratio**2 * far
        keypoint, image, match = keypoint[passes], image[passes], match[passes]
        confidence = 1 - (near[passes] / far[passes]).sqrt()
        blocks.append(_as_matches(block, keypoint, image, match, confidence))
    return Matches.join(blocks)


def match_descriptors(query: NDArray[Any], gallery: NDArray[Any], ratio: float = 0.8) -> NDArray[np.int64]:
    """Match the unit-length descriptors of two images like :func:`match_mutual`.

    Args:
        query: ``(n, dim)`` descriptors.
        gallery: ``(m, dim)`` descriptors.
        ratio: Threshold of the ratio test, as in :func:`match_mutual`.

    Returns:
        Matches ``(n_match, 2)``: row in ``query`` and row in ``gallery``.

    Example:
        >>> match_descriptors(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)).tolist()
        [[0, 0], [1, 1], [2, 2]]
    """
    pair = np.zeros((1, 2), np.int64)
    return match_mutual(Ragged.from_rows([query]), Ragged.from_rows([gallery]), pair, ratio=ratio).of(0)


def count_inliers(
    matches: Matches, query_points: Ragged, gallery_points: Ragged, pairs: NDArray[np.int64], geometry: Geometry
) -> NDArray[np.int64]:
    """Count the matches of each pair that agree with one geometric model, ``(n_pair,)``.

    The count is 0 if there are too few matches for the model or if none agrees with it. The random search has a fixed
    seed, so the same matches give the same count. Affine maps are fitted by RANSAC, the other models by MAGSAC++.

    Args:
        matches: The matches of the pairs.
        query_points: Keypoints of each query, ``(n_keypoint, 2)``, x and y as shares of width and height.
        gallery_points: The same for each gallery image.
        pairs: Row of the query and row of the gallery image, ``(n_pair, 2)``.
        geometry: The geometric model; ``none`` counts every match.
    """
    if geometry == "none":
        return matches.counts(len(pairs))
    import cv2

    # OpenCV expects pixels and treats points that are very close as one, so a side is scaled to 1000 units.
    # The tolerance is about 8 pixels of an image with 512, because animals bend.
    side, tolerance = 1000.0, 15.0
    inliers = np.zeros(len(pairs), dtype=np.int64)
    for pair in np.flatnonzero(matches.counts(len(pairs)) >= _LEAST_MATCHES[geometry]):
        keypoints = matches.of(int(pair))
        left = side * np.asarray(query_points[int(pairs[pair, 0])][keypoints[:, 0]], dtype=np.float64)
        right = side * np.asarray(gallery_points[int(pairs[pair, 1])][keypoints[:, 1]], dtype=np.float64)
        if geometry == "affine":
            cv2.setRNGSeed(0)
            _, mask = cv2.estimateAffine2D(left, right, method=cv2.RANSAC, ransacReprojThreshold=tolerance)
        elif geometry == "homography":
            _, mask = cv2.findHomography(left, right, cv2.USAC_MAGSAC, tolerance)
        else:
            _, mask = cv2.findFundamentalMat(left, right, cv2.USAC_MAGSAC, tolerance, 0.999, 2000)
        inliers[pair] = 0 if mask is None else int(mask.sum())
    return inliers


def _blocks(query: Ragged, gallery: Ragged, pairs: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield numbers of pairs with the same query, at most a block at once.

    Pairs in which an image has fewer than two keypoints are left out: the ratio test needs two.
    """
    usable = (query.counts[pairs[:, 0]] >= 2) & (gallery.counts[pairs[:, 1]] >= 2)
    order = np.flatnonzero(usable)[np.argsort(pairs[usable, 0], kind="stable")]
    edges = np.flatnonzero(np.diff(pairs[order, 0])) + 1
    for group in np.split(order, edges):
        if not len(group):
            continue
        n_left = int(query.counts[pairs[group[0], 0]])
        step = max(1, BLOCK // (n_left * int(gallery.counts[pairs[group, 1]].max())))
        for start in range(0, len(group), step):
            yield group[start : start + step]


def _as_matches(block: NDArray[np.int64], *columns: Any) -> Matches:
    keypoint, image, match, confidence = (values.cpu().numpy() for values in columns)
    # If two query keypoints are equally near to one gallery keypoint, the first one is its match.
    _, first = np.unique(np.stack([image, match]), axis=1, return_index=True)
    return Matches(block[image[first]], keypoint[first], match[first], confidence[first].astype(np.float32))
