"""Write the submission file of a competition, and check it as the organisers do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from reidbench.constants import NEW_IDENTITY
from reidbench.csv_files import CsvTable, read_csv, write_csv
from reidbench.data.competitions.catalogue import Competition
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.files import explain_os_errors, whole_file


def write_submission(
    path: Path, competition: Competition, images: ImageSet, order: Sequence[str], answers: Mapping[str, str]
) -> None:
    """Write ``image_id`` and prediction in the order of the sample, and check the file before it gets its name.

    Args:
        path: CSV to write; it appears whole or not at all.
        competition: The competition, which names the columns.
        images: The database of the competition, with its queries in ``given.asked``.
        order: Image ids of the sample, in its order.
        answers: Prediction for each image id: an identity or a cluster.

    Raises:
        ReidbenchError: An image has no prediction, the file can't be written, or it fails the check.
    """
    missing = [image_id for image_id in order if image_id not in answers]
    if missing:
        raise ReidbenchError(
            f"{len(missing)} images of the sample have no prediction, such as '{missing[0]}'",
            where="sample_submission.csv",
            remedy="check that metadata.csv and sample_submission.csv come from the same edition",
        )
    explained = explain_os_errors(
        "the submission can't be written",
        where=f"--output {path}",
        remedy="name a file in a folder that can be written",
    )
    with explained, whole_file(path) as temporary:
        write_csv(temporary, ("image_id", competition.answer), [(image_id, answers[image_id]) for image_id in order])
        written = dataclasses.replace(read_csv(temporary, "submission"), path=path)  # errors name the final file
        _check(written, competition, images, order)


def check_submission(path: Path, competition: Competition, images: ImageSet, order: Sequence[str]) -> None:
    """Refuse a file that the organisers would refuse, or whose form they would count as wrong.

    Columns, number and order of rows must be those of the sample. An identity must be in the database and in the
    dataset of the image. A cluster must begin with ``cluster_`` and the dataset.

    Raises:
        ReidbenchError: The file fails the check; names the row.
    """
    _check(read_csv(path, "submission"), competition, images, order)


def _check(table: CsvTable, competition: Competition, images: ImageSet, order: Sequence[str]) -> None:
    wanted = ["image_id", competition.answer]
    if list(table.columns) != wanted:
        raise ReidbenchError(
            f"the columns are {', '.join(table.columns)}, not {', '.join(wanted)}",
            where=f"{table.path}, row 1",
            remedy=f"write the header {','.join(wanted)}",
        )
    image_id, answer = (list(table.columns[name]) for name in wanted)
    if len(image_id) != len(order):
        raise ReidbenchError(
            f"there are {len(image_id)} rows, the sample has {len(order)}",
            where=str(table.path),
            remedy="write one row for each image of sample_submission.csv",
        )
    moved = [place for place, (mine, theirs) in enumerate(zip(image_id, order, strict=True)) if mine != theirs]
    if moved:
        place = moved[0]
        raise ReidbenchError(
            f"the order is not the sample's: here is '{image_id[place]}', in the sample '{order[place]}'",
            where=table.where(place),
            remedy="keep the rows in the order of sample_submission.csv",
        )
    asked = images.given.asked if images.given is not None else None
    group = {} if asked is None else dict(zip(asked.table["image_id"], asked.table["group"], strict=True))
    group_of = dict(zip(images.table["identity"], images.table["group"], strict=True))
    wrong = []
    for place, (mine, given) in enumerate(zip(image_id, answer, strict=True)):
        reason = (
            _wrong_cluster(given, group.get(mine, ""))
            if competition.task == "cluster"
            else _wrong_identity(given, group.get(mine, ""), group_of)
        )
        if reason:
            wrong.append((place, reason))
    if wrong:
        more = f" (and {len(wrong) - 1} more rows)" if len(wrong) > 1 else ""
        raise ReidbenchError(
            f"{wrong[0][1]}{more}",
            where=table.where(wrong[0][0]),
            remedy=f"write an identity of the database and of the image's dataset, or {NEW_IDENTITY}"
            if competition.task == "identify"
            else "write cluster_, the image's dataset, _ and a number",
        )


def _wrong_identity(given: str, group: str, group_of: Mapping[str, str]) -> str:
    if given == NEW_IDENTITY:
        return ""
    if given not in group_of:
        return f"the database has no identity '{given}'" if given else "the prediction is empty"
    return "" if group_of[given] == group else f"'{given}' belongs to {group_of[given]}, the image to {group}"


def _wrong_cluster(given: str, group: str) -> str:
    begins = f"cluster_{group}_"
    if not given.startswith(begins) or len(given) == len(begins):
        return f"'{given}' does not begin with '{begins}'"
    return ""
