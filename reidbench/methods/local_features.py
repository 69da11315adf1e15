"""Base class of methods that match keypoints.

A subclass extracts local features of images in batches and matches pairs of images in blocks. The similarity of two
images is the number of matches, or of the matches that agree with one geometric model. It is 0 without keypoints or
without matches. With ``refine``, only the best pairs of a query are matched by :meth:`LocalFeatureMethod.match`
(:mod:`reidbench.methods.refinement`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.methods.contract import Images, MaskSettings, PairMethod
from reidbench.methods.decoded_batches import decoded_batches
from reidbench.methods.local_matching import Geometry, Matches, count_inliers, match_mutual
from reidbench.methods.refinement import joined_similarity, pairs_to_refine
from reidbench.methods.representation import Ragged, Representation
from reidbench.progress import Progress

# Pairs that the fast matcher compares at once, and results of the slow matcher that are kept.
_FAST_PAIRS = 1 << 16
_KEPT_RESULTS = 1 << 20


class LocalFeatureMethod(PairMethod):
    """A method that matches keypoints; subclasses implement :meth:`describe_batch` and :meth:`match`.

    The features of an image are ``keypoint`` ``(n_keypoint, 2)``, ``descriptor`` ``(n_keypoint, dim)``, and any other
    array that the matcher needs. A keypoint is x and y as shares of width and height, in [0, 1].
    """

    batch_size: int = 8
    """Most images in one call of :meth:`describe_batch`; fewer if photographs are large and :meth:`shrink` keeps them.
    """
    geometry: Geometry = "none"
    """Geometric model that matches must agree with; ``none`` counts every match."""
    refine: int = 0
    """Largest number of pairs of each query that :meth:`match` compares; :meth:`match_fast` compares all. 0 is off.

    It is the setting ``refine``, if the settings have one (:class:`reidbench.RefineSettings`).
    """
    slow_matcher: str = ""
    """Name of the matcher of :meth:`match` if it is slow. A run then says beforehand how long it takes, and compares no
    pair twice."""

    matching_settings = ("refine",)

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.refine = getattr(settings, "refine", 0)
        self._results: dict[tuple[bytes, bytes], int] = {}
        if isinstance(settings, MaskSettings) and settings.mask == "auto":
            self.uses_masks = True

    @abstractmethod
    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        """Return the named feature arrays of each image, one row for each keypoint; zero rows are allowed."""

    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what :meth:`describe_batch` needs of one image, such as the image at the size of the network's input.

        The default returns the image itself. A method with a network should resize it here: then every batch has
        ``batch_size`` images, whatever their size and the memory.
        """
        return pixels

    @abstractmethod
    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        """Return the matching keypoints of each pair of images.

        Args:
            query: Features of the queries.
            gallery: Features of the gallery images.
            pairs: Row of the query and row of the gallery image of each pair, ``(n_pair, 2)``.
        """

    @override
    def describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        return self.describe_batch([self.shrink(pixels)])[0]

    @override
    def compare(self, query: Mapping[str, NDArray[Any]], gallery: Mapping[str, NDArray[Any]]) -> float:
        query_image, gallery_image = (
            Representation({}, {name: Ragged.from_rows([rows]) for name, rows in features.items()})
            for features in (query, gallery)
        )
        return float(self.score_pairs(query_image, gallery_image, np.zeros((1, 2), np.int64))[0])

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        features: list[Mapping[str, NDArray[Any]]] = []
        with progress.stage("extract local features", len(images)) as stage:
            for batch in decoded_batches(
                images, self.batch_size, self.describe_batch, shrink=self.shrink, advance=stage.advance
            ):
                features += batch
        if isinstance(self.settings, MaskSettings) and self.uses_masks:
            features = [inside_mask(rows, images.mask(index)) for index, rows in enumerate(features)]
        return Representation({}, {name: Ragged.from_rows([rows[name] for rows in features]) for name in features[0]})

    def match_fast(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        """Return the matches that select the pairs to refine; for the arguments see :meth:`match`.

        The default keeps mutual nearest neighbours of ``descriptor``, which must have length 1.
        """
        return match_mutual(query.ragged["descriptor"], gallery.ragged["descriptor"], pairs)

    @override
    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        pairs = np.asarray(pairs, dtype=np.int64)
        if not self.refine:
            return self._count_slowly(query, gallery, pairs).astype(np.float64)
        # The pairs to refine are chosen from the whole gallery, so that a pair has the same similarity in every call.
        similarity = np.empty(len(pairs))
        rows = np.unique(pairs[:, 0])
        step = max(1, _FAST_PAIRS // max(1, len(gallery)))
        for start in range(0, len(rows), step):
            block = rows[start : start + step]
            grid = np.stack(np.meshgrid(block, np.arange(len(gallery)), indexing="ij"), axis=-1).reshape(-1, 2)
            scores = self.score_shortlist(query, gallery, grid).reshape(len(block), len(gallery))
            of_block = np.flatnonzero((pairs[:, 0] >= block[0]) & (pairs[:, 0] <= block[-1]))
            similarity[of_block] = scores[np.searchsorted(block, pairs[of_block, 0]), pairs[of_block, 1]]
        return similarity

    @override
    def score_shortlist(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        if not self.refine:
            return self.score_pairs(query, gallery, pairs)
        matches = self.match_fast(query, gallery, pairs)
        n_match = count_inliers(matches, query.ragged["keypoint"], gallery.ragged["keypoint"], pairs, self.geometry)
        confidence = np.bincount(matches.pair, weights=matches.confidence, minlength=len(pairs))
        chosen = pairs_to_refine(pairs[:, 0], n_match, confidence, self.refine)
        similarity = joined_similarity(n_match)
        similarity[chosen] = 1 + self._count_slowly(query, gallery, pairs[chosen])
        return similarity

    def _count_slowly(
        self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the number of matches of :meth:`match`; results of a slow matcher are kept for the same images."""
        if not self.slow_matcher:
            return self._count(query, gallery, pairs)
        left, right = (
            {int(row): _digest(images, int(row)) for row in np.unique(pairs[:, side])}
            for side, images in enumerate((query, gallery))
        )
        keys = [(left[int(i)], right[int(j)]) for i, j in pairs]
        new = {key: place for place, key in enumerate(keys) if key not in self._results}
        counts = self._count(query, gallery, pairs[list(new.values())]) if new else ()
        if len(self._results) > _KEPT_RESULTS:
            self._results = {key: self._results[key] for key in keys if key in self._results}
        self._results.update(zip(new, map(int, counts), strict=True))
        return np.array([self._results[key] for key in keys], dtype=np.int64)

    def _count(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        points = query.ragged["keypoint"], gallery.ragged["keypoint"]
        return count_inliers(self.match(query, gallery, pairs), *points, pairs, self.geometry)


def _digest(images: Representation, row: int) -> bytes:
    """Return a digest of the features of one image."""
    digest = xxhash.xxh3_128()
    for name in sorted(images.ragged):
        rows = np.ascontiguousarray(images.ragged[name][row])
        digest.update(f"{name}{rows.shape}{rows.dtype}".encode())
        digest.update(rows.data)
    return digest.digest()


def inside_mask(features: Mapping[str, NDArray[Any]], mask: NDArray[np.bool_] | None) -> Mapping[str, NDArray[Any]]:
    """Return the features of the keypoints on the animal; all of them without a mask.

    The picture itself is not changed, because the edge of a blanked background gives keypoints that match.

    Args:
        features: Arrays with one row for each keypoint.
        mask: Which pixels show the animal, ``(height, width)``.

    Example:
        >>> points = {"keypoint": np.array([[0.2, 0.5], [0.9, 0.5]])}
        >>> inside_mask(points, np.array([[True, False]]))["keypoint"].tolist()
        [[0.2, 0.5]]
    """
    if mask is None:
        return features
    size = np.array(mask.shape[::-1])
    column, row = np.clip((np.asarray(features["keypoint"]) * size).astype(np.int64), 0, size - 1).reshape(-1, 2).T
    kept = mask[row, column]
    return {name: rows[kept] for name, rows in features.items()}
