"""Cluster the test images of a saved run, with features from the cache.

The rule and the heights of the cut are chosen on the calibration images of the run. The test images are clustered and
scored; they were not used to choose anything.
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
    """The clusters of the test images of a run.

    Attributes:
        cut: The rule and the heights that were chosen on the calibration images.
        image_id: Ids of the test images, ``(n,)`` strings.
        group: Group of each image, ``(n,)`` strings.
        cluster: Cluster of each image, ``cluster_<group>_<number>``, ``(n,)`` strings.
        score: Score of the clusters against the true identities.
        pairs: The method that gave the pair probabilities.
    """

    cut: Cut
    image_id: NDArray[Any]
    group: NDArray[Any]
    cluster: NDArray[Any]
    score: ClusteringScore
    pairs: PairProbabilities


def cluster_run(reopened: Reopened, *more: ImageSet) -> ClusteredRun:
    """Choose the cut on the calibration images, and cluster the test images.

    Args:
        reopened: The saved run, opened again.
        more: Image sets that :meth:`Reopened.extract_more` will extract later.

    Raises:
        ReidbenchError: The method cannot compare two images, or a group is too large.
    """
    pairs = pair_probabilities(reopened, *more)
    images, features = reopened.images, pairs.features
    identity = images.identity
    calibration, test = (
        list(pairs.graphs(images, features[part], features["gallery"])) for part in ("calibration", "test")
    )
    cut = choose_cut(calibration, identity[features["calibration"].indices])
    rows = features["test"].indices
    group = images.group[rows]
    cluster = named_clusters(test, cut, len(rows))
    image_id = images.image_id[rows]
    return ClusteredRun(cut, image_id, group, cluster, score_clusters(identity[rows], cluster, group), pairs)


def named_clusters(graphs: list[Graph], cut: Cut, n_image: int) -> NDArray[Any]:
    """Return the name of the cluster of each image, ``cluster_<group>_<number>``, ``(n_image,)`` strings."""
    names = np.full(n_image, "", dtype=object)
    for graph in graphs:
        names[graph.rows] = [f"cluster_{graph.group}_{number}" for number in cut.clusters(graph)]
    return names
