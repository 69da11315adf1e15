"""The base of methods that compare keypoints: described in batches, matched in blocks of pairs.

A subclass says how a batch of images is described and how pairs are matched. The similarity of two images
is the number of matches, or of those that one geometric model explains. No keypoints or no matches is 0.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.methods.contract import Images, PairMethod
from reidbench.methods.local_matching import Geometry, Matches, count_inliers
from reidbench.methods.representation import Ragged, Representation
from reidbench.progress import Progress


class LocalFeatureMethod(PairMethod):
    """Keypoints and descriptors of each image; subclasses write :meth:`describe_batch` and :meth:`match`.

    Every image is described by ``keypoint`` ``(n_keypoint, 2)``, x and y as shares of width and height in
    [0, 1], and ``descriptor`` ``(n_keypoint, dim)``, besides whatever the matcher needs.
    """

    batch_size: int = 8
    geometry: Geometry = "none"

    @abstractmethod
    def describe_batch(self, pixels: Sequence[NDArray[np.uint8]]) -> list[Mapping[str, NDArray[Any]]]:
        """Return the named arrays of each image, each with a row for each keypoint; zero rows are fine."""

    @abstractmethod
    def match(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> Matches:
        """Return the matching keypoints of given pairs, rows ``(query, gallery)``."""

    @override
    def describe(self, pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        return self.describe_batch([pixels])[0]

    @override
    def compare(self, query: Mapping[str, NDArray[Any]], gallery: Mapping[str, NDArray[Any]]) -> float:
        left, right = (
            Representation({}, {name: Ragged.from_rows([rows]) for name, rows in features.items()})
            for features in (query, gallery)
        )
        return float(self.score_pairs(left, right, np.zeros((1, 2), np.int64))[0])

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        described: list[Mapping[str, NDArray[Any]]] = []
        with progress.stage("local features", len(images)) as stage:
            for start in range(0, len(images), self.batch_size):
                batch = [images.pixels(i) for i in range(start, min(start + self.batch_size, len(images)))]
                described += self.describe_batch(batch)
                stage.advance(len(batch))
        return Representation({}, {name: Ragged.from_rows([rows[name] for rows in described]) for name in described[0]})

    @override
    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        pairs = np.asarray(pairs, dtype=np.int64)
        matches = self.match(query, gallery, pairs)
        points = query.ragged["keypoint"], gallery.ragged["keypoint"]
        return count_inliers(matches, *points, pairs, self.geometry).astype(np.float64)
