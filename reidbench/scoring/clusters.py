"""Score anybody's clusters: ``image_id,cluster`` against a truth of ``image_id,identity`` and perhaps ``group``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reidbench.data.sources.files import read_csv
from reidbench.errors import ReidbenchError
from reidbench.metrics.clustering import ClusteringScore, score_clusters


def score_cluster_file(predictions: Path, truth: Path) -> ClusteringScore:
    """Score clusters, by group and over all groups.

    Args:
        predictions: CSV with ``image_id`` and ``cluster``; more columns are ignored.
        truth: CSV with ``image_id``, ``identity`` and optionally ``group``; without one, all images are one group.

    Raises:
        ReidbenchError: A file or a column is missing, or an image is missing, extra, repeated or without an answer.
    """
    given = _column(predictions, "cluster", "predictions")
    true = _column(truth, "identity", "truth")
    for ids, what in (
        ([image_id for image_id in true if image_id not in given], "missing from the predictions"),
        ([image_id for image_id in given if image_id not in true], "not in the truth"),
    ):
        if ids:
            raise ReidbenchError(
                f"{len(ids)} image_ids are {what}, such as '{ids[0]}'",
                where=str(predictions),
                remedy=f"give each image_id of {truth} one cluster",
            )
    group = _column(truth, "group", "truth") if "group" in read_csv(truth).columns else dict.fromkeys(true, "all")
    order = list(true)
    return score_clusters(*(np.array([column[name] for name in order]) for column in (true, given, group)))


def _column(path: Path, name: str, what: str) -> dict[str, str]:
    if not path.is_file():
        raise ReidbenchError(f"there is no file of {what}", where=str(path), remedy="name a CSV file")
    rows = read_csv(path)
    absent = [column for column in ("image_id", name) if column not in rows.columns]
    if absent:
        raise ReidbenchError(
            f"no column {', '.join(absent)} in the {what}",
            where=str(path),
            remedy=f"the header needs image_id,{name}; this one has {','.join(rows.columns)}",
        )
    if not rows.n_row:
        raise ReidbenchError(f"the {what} have no rows", where=str(path), remedy="give one row for each image")
    found: dict[str, str] = {}
    for image_id, value in zip(rows.columns["image_id"], rows.columns[name], strict=True):
        if image_id in found:
            raise ReidbenchError(
                f"image_id '{image_id}' stands in the {what} twice", where=str(path), remedy="keep one row for each"
            )
        if not str(value).strip():
            raise ReidbenchError(
                f"image_id '{image_id}' has no {name}", where=str(path), remedy=f"give every image a {name}"
            )
        found[str(image_id)] = str(value)
    return found
