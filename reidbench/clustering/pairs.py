"""Make the graphs of a saved run: probabilities that two images show one animal, from features in the cache.

A method whose scores are not probabilities is calibrated first, as the parts of a fusion are: on pairs of calibration
queries and gallery images, out of fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.calibration.calibrate import LabelledRows, Numbering, calibrate, number_curves
from reidbench.calibration.calibrated import Calibrated
from reidbench.clustering.graph import ANCHORS, Graph, anchors, check_size, symmetric
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Features, match_episode
from reidbench.matching.match import DEFAULT_BUDGET
from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import Method
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.running.reopening import Reopened


@dataclass(frozen=True, slots=True, eq=False)
class PairProbabilities:
    """The method of a run with scores that are probabilities that two images show one animal.

    Attributes:
        method: The method, with score calibration.
        numbering: The calibration curve of each image; ``None`` if the parts of the method are calibrated instead.
        described: Features of gallery, calibration and test, each image with the number of its curve.
        reopened: The saved run, opened again.
    """

    method: Method
    numbering: Numbering | None
    described: dict[str, Features]
    reopened: Reopened

    def judged(self, images: ImageSet, representation: Representation) -> Representation:
        """Return the features of other images, with the mean calibration curve of their group."""
        if self.numbering is None:
            return representation
        return representation.judged_by(self.numbering.mean(images.group))

    def graphs(self, images: ImageSet, query: Features, gallery: Features) -> Iterator[Graph]:
        """Yield one graph for each group of images.

        Args:
            images: All images; the rows of ``query`` and ``gallery`` are their indices.
            query: Features of the images to cluster.
            gallery: Features of enrolled images, which may connect images to cluster.

        Raises:
            ReidbenchError: The pairs of a group do not fit into memory.
        """
        stages = self.reopened.stages
        group = images.group[query.indices]
        known = match_episode(
            self.method, images, query, gallery, mode=stages.gallery, learned=stages.learned, progress=stages.progress
        ).answers
        for name in np.unique(group):
            rows = np.flatnonzero(group == name)
            check_size(str(name), len(rows))
            features = query.take(rows).representation
            with stages.progress.stage(f"pairs: {name}", len(rows)) as bar:
                scores = _scores(self.method, features, bar.advance)
            candidates, best = known.candidates[rows, :ANCHORS], known.scores[rows, :ANCHORS]
            yield Graph(str(name), rows, symmetric(scores), anchors(candidates, best))


def pair_probabilities(reopened: Reopened, *more: ImageSet) -> PairProbabilities:
    """Return the method of a run with scores that are probabilities.

    Args:
        reopened: The saved run, opened again.
        more: Image sets that :meth:`Reopened.describe_more` will extract later.

    Raises:
        ReidbenchError: The method predicts trained animals and cannot compare two images.
    """
    method, stages = reopened.method, reopened.stages
    if method.matching == "identity":
        raise ReidbenchError(
            f"{reopened.record.method} predicts animals that it was trained on and cannot compare two images",
            where=str(reopened.record.path),
            remedy="cluster with a run of a method that compares images",
        )
    run = reopened.describe_again(*more)
    if isinstance(method, Calibrated) or (
        method.parts and all(isinstance(part, Calibrated) for part in method.parts.values())
    ):
        return PairProbabilities(method, stages.numbering, run, reopened)
    images = reopened.images
    group = images.group
    code = np.unique(images.identity, return_inverse=True)[1]
    asked = images.given.asked if images.given is not None else None
    rows = np.concatenate([stages.rows["calibration"], stages.rows["test"]])
    groups = [*group[rows].tolist(), *(asked.table["group"].tolist() if asked is not None else ())]
    numbering = number_curves(groups, int(code.max()) + 1, reopened.record.seed)

    def labelled(part: Features) -> LabelledRows:
        rows = part.indices
        return LabelledRows(part.representation, code[rows], group[rows], images.encounter[rows])

    calibrated = Calibrated(method, Calibration())
    queries, gallery = labelled(run["calibration"]), labelled(run["gallery"])
    calibrate(
        calibrated,
        queries,
        gallery,
        numbering,
        by_group=stages.gallery == "group",
        seed=reopened.record.seed,
        progress=Progress(),
    )
    curves = {
        "calibration": numbering.held_out(queries),
        "test": numbering.mean(group[run["test"].indices]),
        "gallery": np.zeros(len(gallery.identity), np.int64),
    }
    described = {
        part: Features(features.indices, features.representation.judged_by(curves[part]))
        for part, features in run.items()
    }
    return PairProbabilities(calibrated, numbering, described, reopened)


def _scores(method: Method, images: Representation, advance: Callable[[int], None]) -> NDArray[np.float32]:
    """Return the scores of all pairs of images, computed block by block, ``(n, n)``."""
    n_image = len(images)
    scores = np.full((n_image, n_image), -np.inf, dtype=np.float32)
    block = max(1, DEFAULT_BUDGET // (n_image * 40))
    for start in range(0, n_image, block):
        rows = np.arange(start, min(start + block, n_image))
        scores[rows] = method.score(images.take(rows), images)
        advance(len(rows))
    return scores
