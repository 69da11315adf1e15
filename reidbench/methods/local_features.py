"""Base class of methods that match keypoints.

A subclass extracts local features of images in batches and matches pairs of images in blocks. The similarity of two
images is the number of matches, or of the matches that agree with one geometric model. It is 0 without keypoints or
without matches.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.methods.contract import Images, PairMethod
from reidbench.methods.decoded_batches import decoded_batches
from reidbench.methods.local_matching import Geometry, Matches, count_inliers
from reidbench.methods.representation import Ragged, Representation
from reidbench.progress import Progress


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
        return Representation({}, {name: Ragged.from_rows([rows[name] for rows in features]) for name in features[0]})

    @override
    def score_pairs(self, query: Representation, gallery: Representation, pairs: NDArray[np.int64]) -> NDArray[Any]:
        pairs = np.asarray(pairs, dtype=np.int64)
        matches = self.match(query, gallery, pairs)
        points = query.ragged["keypoint"], gallery.ragged["keypoint"]
        return count_inliers(matches, *points, pairs, self.geometry).astype(np.float64)
