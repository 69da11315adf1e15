"""Make the graphs of a saved run: probabilities that two images show one animal, from features in the cache.

A method whose scores are not probabilities is calibrated first, as the parts of a fusion are: on pairs of calibration
queries and gallery images, out of fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.calibration.calibrate import Numbering
from reidbench.calibration.calibrated import Calibrated
from reidbench.clustering.graph import ANCHORS, Graph, anchors, check_size, symmetric
from reidbench.data.images import ImageSet
from reidbench.data.memory import memory_bytes
from reidbench.data.sides import may_compare, sides_of
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Features, match_episode
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import Method
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.running.calibrated_features import fit_curves
from reidbench.running.reopening import Reopened
from reidbench.running.setup import Setup


@dataclass(frozen=True, slots=True, eq=False)
class PairProbabilities:
    """The method of a run with scores that are probabilities that two images show one animal.

    Attributes:
        method: The method, with score calibration.
        numbering: Which curve calibrates which image; ``None`` if the method has no calibrated part.
        features: Features of ``gallery``, ``calibration`` and ``test``, each image with the number of its curve.
        setup: Method, images, split and options of the run.
    """

    method: Method
    numbering: Numbering | None
    features: Mapping[str, Features]
    setup: Setup

    def graphs(self, images: ImageSet, query: Features, gallery: Features) -> Iterator[Graph]:
        """Yield one graph for each group of images.

        Args:
            images: All images; the rows of ``query`` and ``gallery`` are their indices.
            query: Features of the images to cluster.
            gallery: Features of enrolled images, which may connect images to cluster.

        Raises:
            ReidbenchError: The pairs of a group do not fit into memory.
        """
        setup = self.setup
        group = images.group[query.indices]
        known = match_episode(
            self.method,
            images,
            query,
            gallery,
            mode=setup.gallery_mode,
            learned=setup.learned,
            progress=setup.progress,
            match_sides=setup.match_sides,
        ).answers
        side = sides_of(images, setup.match_sides)[query.indices]
        for name in np.unique(group):
            rows = np.flatnonzero(group == name)
            check_size(str(name), len(rows))
            features = query.take(rows).representation
            with setup.progress.stage(f"pairs: {name}", len(rows)) as bar:
                scores = _scores(self.method, features, side[rows], bar.advance)
            candidates, best = known.candidates[rows, :ANCHORS], known.scores[rows, :ANCHORS]
            yield Graph(str(name), rows, symmetric(scores), anchors(candidates, best))


def pair_probabilities(reopened: Reopened, *more: ImageSet) -> PairProbabilities:
    """Return the method of a run with scores that are probabilities.

    Args:
        reopened: The saved run, opened again.
        more: Image sets that :meth:`Reopened.extract_more` will extract later.

    Raises:
        ReidbenchError: The method predicts trained animals and cannot compare two images.
    """
    method, setup = reopened.method, reopened.setup
    if method.matching == "identity":
        raise ReidbenchError(
            f"{reopened.record.method} predicts animals that it was trained on and cannot compare two images",
            where=str(reopened.record.path),
            remedy="cluster with a run of a method that compares images",
        )
    calibrated = reopened.extract_again(*more)
    gives_probabilities = isinstance(method, Calibrated) or (
        method.parts and all(isinstance(part, Calibrated) for part in method.parts.values())
    )
    if not gives_probabilities:
        method = Calibrated(method, Calibration())
        calibrated = fit_curves(setup, method, calibrated.features, Progress())
    return PairProbabilities(method, calibrated.numbering, calibrated.features, setup)


def _scores(
    method: Method, images: Representation, side: NDArray[np.str_], advance: Callable[[int], None]
) -> NDArray[np.float32]:
    """Return the scores of all pairs of images, ``(n, n)``; ``-inf`` for pairs of two different sides.

    They are computed block by block.
    """
    n_image = len(images)
    scores = np.full((n_image, n_image), -np.inf, dtype=np.float32)
    block = max(1, memory_bytes() // (n_image * 40))
    for start in range(0, n_image, block):
        rows = np.arange(start, min(start + block, n_image))
        compared = may_compare(side[rows, None], side)
        scores[rows] = np.where(compared, method.score(images.take(rows), images), -np.inf)
        advance(len(rows))
    return scores
