"""Score a file of clusters against a truth file.

Clusters have the columns ``image_id,cluster``; the truth has ``image_id,identity`` and optionally ``group``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reidbench.csv_files import CsvTable, read_csv
from reidbench.errors import ReidbenchError
from reidbench.metrics.clustering import ClusteringScore, score_clusters


def score_cluster_file(predictions: Path, truth: Path) -> ClusteringScore:
    """Score clusters, by group and over all groups.

    Args:
        predictions: CSV with ``image_id`` and ``cluster``; more columns are ignored.
        truth: CSV with ``image_id``, ``identity`` and optionally ``group``; without one, all images are one group.

    Raises:
        ReidbenchError: A file or a column is missing, or an image is missing, extra, repeated or without a cluster.
    """
    cluster = _column(read_csv(predictions, "predictions"), "cluster")
    truth_table = read_csv(truth, "truth")
    identity = _column(truth_table, "identity")
    for ids, problem in (
        ([image_id for image_id in identity if image_id not in cluster], "missing from the predictions"),
        ([image_id for image_id in cluster if image_id not in identity], "not in the truth"),
    ):
        if ids:
            raise ReidbenchError(
                f"{len(ids)} image_ids are {problem}, such as '{ids[0]}'",
                where=str(predictions),
                remedy=f"give each image_id of {truth} one cluster",
            )
    group = _column(truth_table, "group") if "group" in truth_table.columns else dict.fromkeys(identity, "all")
    order = list(identity)
    return score_clusters(*(np.array([column[name] for name in order]) for column in (identity, cluster, group)))


def _column(table: CsvTable, name: str) -> dict[str, str]:
    """Return the cells of a column by ``image_id``; both columns must be filled and no image twice."""
    table.require("image_id", name)
    if not len(table):
        raise ReidbenchError(
            f"no rows in the {table.what}", where=str(table.path), remedy="give one row for each image"
        )
    cells_by_id: dict[str, str] = {}
    for index, cells in enumerate(zip(table.column("image_id"), table.column(name), strict=True)):
        image_id, value = (cell.strip() for cell in cells)
        if image_id in cells_by_id:
            raise ReidbenchError(
                f"image_id '{image_id}' is in the {table.what} twice",
                where=table.where(index),
                remedy="keep one row for each image",
            )
        if not value:
            raise ReidbenchError(
                f"image_id '{image_id}' has no {name}", where=table.where(index), remedy=f"give every image a {name}"
            )
        cells_by_id[image_id] = value
    return cells_by_id
