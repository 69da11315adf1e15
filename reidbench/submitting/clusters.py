"""Write the clusters that a competition asks for. Animals of its database may connect images of one cluster."""

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


def cluster_queries(
    reopened: Reopened, queries: ImageSet, both: ImageSet, competition: Competition, order: list[str], output: Path
) -> tuple[dict[str, int], ClusteringScore]:
    """Cluster the queries of a competition and write the submission file.

    Args:
        reopened: The saved run, opened again; the cut is chosen on its calibration images.
        queries: The images to cluster.
        both: The images of the database, followed by the queries.
        competition: The competition.
        order: Image ids of the sample submission, in order.
        output: CSV to write.

    Returns:
        The number of clusters of each group, and the score of the test images of the run, clustered the same way.

    Raises:
        ReidbenchError: The method cannot compare two images, or the file cannot be written.
    """
    images = reopened.images
    clustered_run = cluster_run(reopened, images, queries)
    pairs = clustered_run.pairs
    database = Features(np.arange(len(images)), reopened.extract_more(images, pairs.numbering))
    query = Features(np.arange(len(images), len(both)), reopened.extract_more(queries, pairs.numbering))
    cluster = named_clusters(list(pairs.graphs(both, query, database)), clustered_run.cut, len(queries))
    write_submission(
        output, competition, images, order, dict(zip(queries.table["image_id"], cluster.tolist(), strict=True))
    )
    group = queries.group
    return {str(name): len(set(cluster[group == name])) for name in np.unique(group)}, clustered_run.score
