"""Read and write splits as CSV files with the columns ``image_id,part``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reidbench.csv_files import read_csv, write_csv
from reidbench.data.images import ImageSet
from reidbench.data.names import identity_name, whole_numbers
from reidbench.data.splits.leaks import leaks
from reidbench.data.splits.split import PARTS, QUERIES, Split
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.files import explain_os_errors


def read_split(path: Path, images: ImageSet) -> Split:
    """Read a split; images that the file does not name are ``unused``.

    Args:
        path: CSV with the columns ``image_id`` and ``part``.
        images: The dataset that the split belongs to.

    Returns:
        The split. Its ``warnings`` report encounters on two sides, unknown animals that are in calibration and in test
        or in ``fit``, and the number of images that the file does not name.

    Raises:
        ReidbenchError: The file can't be read, an id is repeated, an id or a part does not exist, or a part is empty.
            The error names file and row.
    """
    table = read_csv(path, "split")
    table.require(
        "image_id", "part", remedy="write a CSV with the columns image_id,part: reidbench split DATASET -o split.csv"
    )
    part_of: dict[str, str] = {}
    known = set(images.table["image_id"])
    by_name = {identity_name(image_id): image_id for image_id in images.table["image_id"]}
    written = [cell.strip() for cell in table.column("image_id")]
    columns = (written, whole_numbers(written), table.column("part"))
    for index, (as_text, number, part) in enumerate(zip(*columns, strict=True)):
        image_id, part = as_text, part.strip()
        if image_id not in known:  # a number as pandas writes it, or other ways to store the same letters
            image_id = number if number in known else by_name.get(identity_name(as_text), as_text)
        if image_id in part_of:
            raise ReidbenchError(
                f"image_id '{image_id}' is in the split twice", where=table.where(index), remedy="keep one row"
            )
        if part not in PARTS:
            guess = did_you_mean(part, PARTS)
            raise ReidbenchError(
                f"a split has no part '{part}'",
                where=table.where(index),
                remedy=f"{guess} " * bool(guess) + "parts: " + ", ".join(PARTS),
            )
        if image_id not in known:
            guess = did_you_mean(image_id, known)
            raise ReidbenchError(
                f"'{images.name}' has no image '{image_id}'",
                where=table.where(index),
                remedy=f"{guess} " * bool(guess) + "remove the row, or name the dataset of the split",
            )
        part_of[image_id] = part
    image_ids = tuple(images.table["image_id"])
    parts = tuple(part_of.get(image_id, "unused") for image_id in image_ids)
    for part in ("gallery", *QUERIES):
        if part not in parts:
            raise ReidbenchError(
                f"the split has no image in '{part}'", where=str(path), remedy=f"mark some rows as {part}"
            )
    unnamed = len(image_ids) - len(part_of)
    warnings = [f"{unnamed} images are not in {path.name} and count as unused"] if unnamed else []
    warnings += leaks(np.array(parts, dtype=object), images)
    return Split(image_ids, parts, "file", None, tuple(warnings)).on(images)


def write_split(split: Split, path: Path) -> None:
    """Write ``image_id,part``, sorted by id; the file appears whole or not at all.

    Raises:
        ReidbenchError: The file can't be written.
    """
    with explain_os_errors("the split can't be written", where=str(path), remedy="choose a folder that can be written"):
        write_csv(path, ("image_id", "part"), zip(split.image_ids, split.parts, strict=True))
