"""Compare local features of many pairs of images at once.

Mutual nearest neighbours that pass the ratio test need no weights. One query meets a block of gallery
images in a single matrix product; images with fewer keypoints are padded with what can never be nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.methods.representation import Ragged

Geometry = Literal["none", "affine", "homography", "fundamental"]

# Keypoint pairs whose similarity is held at once: 64 gallery images of 256 keypoints against 256, 16 MiB.
BLOCK = 1 << 22
# Below any cosine, so that padding is nearest to nothing.
_PADDING = -2.0
_NEEDS = {"affine": 3, "homography": 4, "fundamental": 8}


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Keypoints that match, of many pairs of images in one table; rows rise by pair, then by query keypoint.

    Attributes:
        pair: Which of the pairs compared, ``(n_match,)``.
        query: Keypoint of the query, ``(n_match,)``.
        gallery: Keypoint of the gallery image, ``(n_match,)``.
        confidence: How sure the matcher is, in [0, 1], ``(n_match,)``.
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
        """Put tables one after another and restore their order."""
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
        """Return the number of matches of each pair, ``(n_pair,)``; a pair without any has 0."""
        return np.asarray(np.bincount(self.pair, minlength=n_pair), dtype=np.int64)

    def of(self, pair: int) -> NDArray[np.int64]:
        """Return the keypoints of one pair's matches, ``(n_match, 2)``."""
        mine = slice(*np.searchsorted(self.pair, [pair, pair + 1]))
        return np.stack([self.query[mine], self.gallery[mine]], axis=1)


def match_mutual(
    query: Ragged,
    gallery: Ragged,
    pairs: NDArray[np.int64],
    *,
    ratio: float = 0.8,
    device: str = "cpu",
    unpack: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
) -> Matches:
    """Match unit-length descriptors by mutual nearest neighbour and Lowe's ratio test.

    Without the ratio test mutual neighbours count chance matches, and recognise far worse. A match's
    confidence is ``1 - nearest distance / next distance``.

    Args:
        query: Descriptors of unit length, ``(n_keypoint, dim)`` for each query.
        gallery: The same for each gallery image.
        pairs: Row of the query and row of the gallery image, ``(n_pair, 2)``.
        ratio: A match's distance is below ``ratio`` times that to the next best in the gallery image.
        device: ``cpu`` or ``cuda``.
        unpack: Makes descriptors of unit length from float32 copies of what is kept, ``(..., dim)`` and zeros
            where an image has fewer keypoints; by default they are kept as they are compared.

    Returns:
        The matches; none where either image has fewer than two keypoints.
    """
    import torch

    blocks = []
    for places in _blocks(query, gallery, pairs):
        row = int(pairs[places[0], 0])
        images = pairs[places, 1]
        ours, theirs = np.array(query[row], dtype=np.float32), gallery.padded(images)
        if unpack is not None:
            ours, theirs = unpack(ours), unpack(theirs)
        left, right = torch.from_numpy(ours).to(device), torch.from_numpy(theirs).to(device)
        n_left, n_right = len(left), right.shape[1]
        alike = (left @ right.reshape(-1, right.shape[2]).T).reshape(n_left, len(images), n_right)
        counts = torch.from_numpy(gallery.counts[images]).to(device)
        if int(counts.min()) < n_right:
            outside = torch.arange(n_right, device=device)[None, :] >= counts[:, None]
            alike.masked_fill_(outside[None], _PADDING)
        best, nearest = alike.max(2)
        back = alike.amax(0)  # (n_image, n_right): the best that any query keypoint reaches there
        keypoint, place = torch.nonzero(best == back.gather(1, nearest.T).T, as_tuple=True)
        rows, column = alike[keypoint, place], nearest[keypoint, place]
        second = rows.scatter_(1, column[:, None], _PADDING).amax(1)
        # Squared distances of unit vectors are 2 - 2 cos, so the test needs cosines alone.
        near, far = (1 - best[keypoint, place]).clamp(min=0), 1 - second
        passes = near < ratio**2 * far
        keypoint, place, column = keypoint[passes], place[passes], column[passes]
        confidence = 1 - (near[passes] / far[passes]).sqrt()
        blocks.append(_table(places, keypoint, place, column, confidence))
    return Matches.join(blocks)


def match_descriptors(query: NDArray[Any], gallery: NDArray[Any], ratio: float = 0.8) -> NDArray[np.int64]:
    """Match the unit-length descriptors of two images, as :func:`match_mutual` does.

    Args:
        query: ``(n, dim)`` descriptors.
        gallery: ``(m, dim)`` descriptors.
        ratio: As in :func:`match_mutual`.

    Returns:
        Index pairs ``(n_match, 2)``.

    Example:
        >>> match_descriptors(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)).tolist()
        [[0, 0], [1, 1], [2, 2]]
    """
    pair = np.zeros((1, 2), np.int64)
    return match_mutual(Ragged.from_rows([query]), Ragged.from_rows([gallery]), pair, ratio=ratio).of(0)


def count_inliers(
    matches: Matches, query_points: Ragged, gallery_points: Ragged, pairs: NDArray[np.int64], geometry: Geometry
) -> NDArray[np.int64]:
    """Count the matches of each pair that one geometric model explains (MAGSAC++), ``(n_pair,)``.

    Too few matches for the model, or none that it explains, is 0. The search starts from a fixed state, so
    the same matches give the same count.

    Args:
        matches: Of the same pairs.
        query_points: Keypoints of each query, ``(n_keypoint, 2)``, x and y as shares of width and height.
        gallery_points: The same for each gallery image.
        pairs: Row of the query and row of the gallery image, ``(n_pair, 2)``.
        geometry: The model; ``none`` counts every match.
    """
    if geometry == "none":
        return matches.counts(len(pairs))
    import cv2

    # OpenCV expects pixels and takes points within one another's rounding for degenerate: a side has 1000 here.
    # The tolerance is about 8 pixels of 512, for animals that bend.
    side, tolerance = 1000.0, 15.0
    inliers = np.zeros(len(pairs), dtype=np.int64)
    for pair in np.flatnonzero(matches.counts(len(pairs)) >= _NEEDS[geometry]):
        found = matches.of(int(pair))
        left = side * np.asarray(query_points[int(pairs[pair, 0])][found[:, 0]], dtype=np.float64)
        right = side * np.asarray(gallery_points[int(pairs[pair, 1])][found[:, 1]], dtype=np.float64)
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
    """Yield places of pairs that share a query, as many as fit a block; under two keypoints nothing can match."""
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


def _table(places: NDArray[np.int64], *columns: Any) -> Matches:
    keypoint, place, column, confidence = (values.cpu().numpy() for values in columns)
    # Two query keypoints may be equally near to one gallery keypoint: the first has it.
    _, first = np.unique(np.stack([place, column]), axis=1, return_index=True)
    return Matches(places[place[first]], keypoint[first], column[first], confidence[first].astype(np.float32))
