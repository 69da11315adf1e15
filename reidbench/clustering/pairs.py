"""From a saved run to the graphs of its images: pair probabilities, from representations that the cache holds.

A method whose scores are no probabilities yet is calibrated as a fusion's parts are: on pairs of calibration queries
and enrolled images, out of fold.
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
    """A method whose scores are probabilities that two images show one animal.

    Attributes:
        method: Compares.
        numbering: Which curve judges which image.
        described: Gallery, calibration and test, each with its curves.
        reopened: The run.
    """

    method: Method
    numbering: Numbering | None
    described: dict[str, Features]
    reopened: Reopened

    def judged(self, images: ImageSet, representation: Representation) -> Representation:
        """Return further images, judged by the mean of their group's curves."""
        if self.numbering is None:
            return representation
        return representation.judged_by(self.numbering.mean(images.group))

    def graphs(self, images: ImageSet, query: Features, gallery: Features) -> Iterator[Graph]:
        """Yield the graph of each group's queries.

        Args:
            images: What the rows index.
            query: The images to cluster.
            gallery: Enrolled images that may tie two of them.

        Raises:
            ReidbenchError: A group has more images than pairs fit into memory.
        """
        stages = self.reopened.stages
        group = images.group[query.indices]
        known = match_episode(
            self.method, images, query, gallery, mode=stages.gallery, learned=stages.learned, progress=stages.progress
        ).answers
        for name in np.unique(group):
            places = np.flatnonzero(group == name)
            check_size(str(name), len(places))
            mine = query.take(places)
            with stages.progress.stage(f"pairs: {name}", len(places)) as bar:
                scores = _scores(self.method, mine.representation, bar.advance)
            candidates, best = known.candidates[places, :ANCHORS], known.scores[places, :ANCHORS]
            yield Graph(str(name), places, symmetric(scores), anchors(candidates, best))


def pair_probabilities(reopened: Reopened, *more: ImageSet) -> PairProbabilities:
    """Return a run's method with probabilities for scores.

    Args:
        reopened: The run.
        more: Sets that :meth:`Reopened.describe_more` will be asked for.

    Raises:
        ReidbenchError: The method knows animals as such and can't compare two images.
    """
    method, stages = reopened.method, reopened.stages
    if method.matching == "identity":
        raise ReidbenchError(
            f"{reopened.record.method} answers with animals that it learned and can't say of two images whether they "
            "show one",
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
        at = part.indices
        return LabelledRows(part.representation, code[at], group[at], images.encounter[at])

    wrapped = Calibrated(method, Calibration())
    queries, gallery = labelled(run["calibration"]), labelled(run["gallery"])
    calibrate(
        wrapped,
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
        part: Features(each.indices, each.representation.judged_by(curves[part])) for part, each in run.items()
    }
    return PairProbabilities(wrapped, numbering, described, reopened)


def _scores(method: Method, images: Representation, advance: Callable[[int], None]) -> NDArray[np.float32]:
    """Compare every image with every other, block by block, ``(n, n)``."""
    n_image = len(images)
    scores = np.full((n_image, n_image), -np.inf, dtype=np.float32)
    block = max(1, DEFAULT_BUDGET // (n_image * 40))
    for start in range(0, n_image, block):
        rows = np.arange(start, min(start + block, n_image))
        scores[rows] = method.score(images.take(rows), images)
        advance(len(rows))
    return scores
