"""Score a file of clusters against a truth file.

Clusters have the columns ``image_id,cluster``; the truth has ``image_id,identity`` and optionally ``group``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reidbench.csv_files import CsvTable, read_csv
from reidbench.data.names import NameRules, is_new
from reidbench.errors import ReidbenchError
from reidbench.metrics.clustering import ClusteringScore, score_clusters
from reidbench.scoring.names import Note, read_names, warn


def score_cluster_file(
    predictions: Path, truth: Path, *, unknown: Sequence[str] = (), names: Sequence[str] = (), note: Note = warn
) -> ClusteringScore:
    """Score clusters, by group and over all groups.

    Args:
        predictions: CSV with ``image_id`` and ``cluster``; more columns are ignored.
        truth: CSV with ``image_id``, ``identity`` and optionally ``group``; without one, all images are one group.
        unknown: Further words for an unidentified animal.
        names: Words that are names of animals, or of clusters, such as ``None``.
        note: Receives a sentence for each change of spelling and each unused word; by default it becomes a warning of
            Python.

    Raises:
        ReidbenchError: A file or a column is missing, or an image is missing, extra, repeated or without a cluster.
    """
    rules = NameRules(tuple(unknown), tuple(names))
    cluster = _column(read_csv(predictions, "predictions").unmarked(), "cluster", rules, note)
    doubtful = Counter(name for name in cluster.values() if name == "-1" or is_new(name) or name.casefold() == "new")
    for name, count in doubtful.items():
        if count > 1:
            note(f"{count} images have the cluster '{name}', which counts as one cluster, so as one animal")
    truth_table = read_csv(truth, "truth").unmarked()
    identity = _column(truth_table, "identity", rules, note)
    for unused in rules.unused({*cluster.values(), *identity.values()}):
        note(unused)
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
    group = (
        _column(truth_table, "group", NameRules(), lambda _: None, label=False)
        if "group" in truth_table.columns
        else dict.fromkeys(identity, "all")
    )
    order = list(identity)
    return score_clusters(*(np.array([column[name] for name in order]) for column in (identity, cluster, group)))


def _column(table: CsvTable, name: str, rules: NameRules, note: Note, *, label: bool = True) -> dict[str, str]:
    """Return the cells of a column by ``image_id``; both columns must be filled and no image twice."""
    table.require("image_id", name)
    if not len(table):
        raise ReidbenchError(
            f"no rows in the {table.what}", where=str(table.path), remedy="give one row for each image"
        )
    cells_by_id: dict[str, str] = {}
    image_ids = read_names(table.column("image_id"), "image_id", table.what, note)
    values = read_names(table.column(name), name, table.what, note)
    for index, (image_id, value) in enumerate(zip(image_ids, values, strict=True)):
        if image_id in cells_by_id:
            raise ReidbenchError(
                f"image_id '{image_id}' is in the {table.what} twice",
                where=table.where(index),
                remedy="keep one row for each image",
            )
        if not value or (label and rules.is_unidentified(value)):
            written = f": '{value}' names none" if value else ""
            raise ReidbenchError(
                f"image_id '{image_id}' has no {name}{written}",
                where=table.where(index),
                remedy=f"give every image a {name}" + (f"; --name {value} takes the word for a name" if value else ""),
            )
        cells_by_id[image_id] = value
    return cells_by_id
