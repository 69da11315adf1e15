"""The file that a competition takes: written whole, and checked as the organisers check it."""

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
    """Write ``image_id`` and answer in the sample's order, and check what was written.

    Args:
        path: CSV to write; it appears whole or not at all.
        competition: Whose columns it has.
        images: The competition's database, with ``given.asked``.
        order: Image ids of the sample, in its order.
        answers: Answer of each image id.

    Raises:
        ReidbenchError: An image has no answer, the file can't be written, or it fails the check.
    """
    missing = [image_id for image_id in order if image_id not in answers]
    if missing:
        raise ReidbenchError(
            f"{len(missing)} images of the sample have no answer, such as '{missing[0]}'",
            where="sample_submission.csv",
            remedy="check that metadata.csv and sample_submission.csv are of one edition",
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
    """Refuse a file that the organisers would refuse, or would count as wrong by its form.

    Columns, number and order of rows are those of the sample; every answer is text; an identity is one of the database,
    of the image's own dataset; a cluster begins with ``cluster_`` and the dataset.

    Raises:
        ReidbenchError: It does not pass; names the row.
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
            remedy="answer each image of sample_submission.csv once",
        )
    moved = [place for place, (mine, theirs) in enumerate(zip(image_id, order, strict=True)) if mine != theirs]
    if moved:
        place = moved[0]
        raise ReidbenchError(
            f"the order is not the sample's: '{image_id[place]}' stands where '{order[place]}' belongs",
            where=table.where(place),
            remedy="keep the rows in the order of sample_submission.csv",
        )
    asked = images.given.asked if images.given is not None else None
    group = {} if asked is None else dict(zip(asked.table["image_id"], asked.table["group"], strict=True))
    lives_in = dict(zip(images.table["identity"], images.table["group"], strict=True))
    wrong = []
    for place, (mine, given) in enumerate(zip(image_id, answer, strict=True)):
        reason = (
            _wrong_cluster(given, group.get(mine, ""))
            if competition.task == "cluster"
            else _wrong_identity(given, group.get(mine, ""), lives_in)
        )
        if reason:
            wrong.append((place, reason))
    if wrong:
        more = f" (and {len(wrong) - 1} more rows)" if len(wrong) > 1 else ""
        raise ReidbenchError(
            f"{wrong[0][1]}{more}",
            where=table.where(wrong[0][0]),
            remedy=f"answer with an identity of the database, of the image's dataset, or {NEW_IDENTITY}"
            if competition.task == "identify"
            else "answer with cluster_, the image's dataset, _ and a number",
        )


def _wrong_identity(given: str, group: str, lives_in: Mapping[str, str]) -> str:
    if given == NEW_IDENTITY:
        return ""
    if given not in lives_in:
        return f"'{given}' is no identity of the database" if given else "the answer is empty"
    return "" if lives_in[given] == group else f"'{given}' lives in {lives_in[given]}, the image is of {group}"


def _wrong_cluster(given: str, group: str) -> str:
    begins = f"cluster_{group}_"
    if not given.startswith(begins) or len(given) == len(begins):
        return f"'{given}' does not begin with '{begins}'"
    return ""
