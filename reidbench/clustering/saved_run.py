"""Cluster the test images of a saved run: no image is described, no network is loaded that the cache can spare.

Rule and cut are chosen on the run's calibration images; its test images, whose animals chose nothing, are clustered
and judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.clustering.cut import Cut, choose_cut
from reidbench.clustering.graph import Graph
from reidbench.clustering.pairs import PairProbabilities, pair_probabilities
from reidbench.data.images import ImageSet
from reidbench.metrics.clustering import ClusteringScore, score_clusters
from reidbench.running.reopening import Reopened


@dataclass(frozen=True, slots=True, eq=False)
class ClusteredRun:
    """The clusters of a run's test images.

    Attributes:
        cut: What was chosen on the calibration images.
        image_id: The test images, ``(n,)`` strings.
        group: Group of each.
        cluster: Cluster of each, ``cluster_<group>_<number>``.
        score: Against their animals.
        pairs: What said how alike two images are.
    """

    cut: Cut
    image_id: NDArray[Any]
    group: NDArray[Any]
    cluster: NDArray[Any]
    score: ClusteringScore
    pairs: PairProbabilities


def cluster_run(reopened: Reopened, *more: ImageSet) -> ClusteredRun:
    """Choose how to cluster on calibration, and cluster test.

    Args:
        reopened: The run.
        more: Sets that :meth:`Reopened.describe_more` will be asked for.

    Raises:
        ReidbenchError: The method can't compare two images, or a group is too large.
    """
    pairs = pair_probabilities(reopened, *more)
    images, described = reopened.images, pairs.described
    identity = images.identity
    calibration, test = (
        list(pairs.graphs(images, described[part], described["gallery"])) for part in ("calibration", "test")
    )
    chosen = choose_cut(calibration, identity[described["calibration"].indices])
    rows = described["test"].indices
    group = images.group[rows]
    cluster = named_clusters(test, chosen, len(rows))
    image_id = images.image_id[rows]
    return ClusteredRun(chosen, image_id, group, cluster, score_clusters(identity[rows], cluster, group), pairs)


def named_clusters(graphs: list[Graph], chosen: Cut, n_image: int) -> NDArray[Any]:
    """Return the name of each image's cluster, ``cluster_<group>_<number>``."""
    names = np.full(n_image, "", dtype=object)
    for graph in graphs:
        names[graph.rows] = [f"cluster_{graph.group}_{number}" for number in chosen.clusters(graph)]
    return names
