"""Cluster what a competition asks about, tied by all animals that its database names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reidbench.clustering.saved_run import cluster_run, named_clusters
from reidbench.data.competitions import Competition
from reidbench.data.competitions.answers import write_submission
from reidbench.data.images import ImageSet
from reidbench.matching.episode import Features
from reidbench.metrics.clustering import ClusteringScore
from reidbench.running.reopening import Reopened


def cluster_asked(
    reopened: Reopened, asked: ImageSet, both: ImageSet, competition: Competition, order: list[str], output: Path
) -> tuple[dict[str, int], ClusteringScore]:
    """Write clusters of the images that are asked about.

    Args:
        reopened: The run; rule and cut are chosen on its calibration images.
        asked: The images.
        both: The database and the images, one after another.
        competition: Whose file is written.
        order: Image ids of the sample.
        output: CSV to write.

    Returns:
        The animals found in each group; the score of the run's test images, clustered the same way.

    Raises:
        ReidbenchError: The method can't compare two images, or the file can't be written.
    """
    images = reopened.images
    validated = cluster_run(reopened, images, asked)
    pairs = validated.pairs
    database = Features(np.arange(len(images)), pairs.judged(images, reopened.describe_more(images)))
    rows = np.arange(len(images), len(both))
    query = Features(rows, pairs.judged(asked, reopened.describe_more(asked)))
    cluster = named_clusters(list(pairs.graphs(both, query, database)), validated.cut, len(asked))
    write_submission(
        output, competition, images, order, dict(zip(asked.table["image_id"], cluster.tolist(), strict=True))
    )
    group = asked.group
    return {str(name): len(set(cluster[group == name])) for name in np.unique(group)}, validated.score
