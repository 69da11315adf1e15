"""Splits as CSV files, ``image_id,part``: written whole or not at all, read with file and row in every error."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reidbench.data.images import ImageSet
from reidbench.data.splits.leaks import leaks
from reidbench.data.splits.split import PARTS, QUERIES, Split
from reidbench.errors import ReidbenchError, did_you_mean


def read_split(path: Path, images: ImageSet) -> Split:
    """Read ``image_id,part``; images that the file does not name are ``unused``.

    Returns:
        The split; its ``warnings`` tell of encounters on two sides, of an unknown animal that is
        in both calibration and test or is learnt from, and of images that the file does not name.

    Raises:
        ReidbenchError: An id twice, an id or a part that does not exist, an empty part; names file and row.
    """
    where: dict[str, str] = {}
    known = set(images.table["image_id"])
    for row, image_id, part in _read_rows(path):
        if image_id in where:
            raise ReidbenchError(
                f"image_id '{image_id}' stands in the split twice", where=f"{path}, row {row}", remedy="keep one row"
            )
        if part not in PARTS:
            guess = did_you_mean(part, PARTS)
            raise ReidbenchError(
                f"'{part}' is no part of a split",
                where=f"{path}, row {row}",
                remedy=f"{guess} " * bool(guess) + "parts: " + ", ".join(PARTS),
            )
        if image_id not in known:
            guess = did_you_mean(image_id, known)
            raise ReidbenchError(
                f"'{images.name}' has no image '{image_id}'",
                where=f"{path}, row {row}",
                remedy=f"{guess} " * bool(guess) + "take the row out, or name the dataset that the split was made of",
            )
        where[image_id] = part
    image_ids = tuple(images.table["image_id"])
    parts = tuple(where.get(image_id, "unused") for image_id in image_ids)
    for part in ("gallery", *QUERIES):
        if part not in parts:
            raise ReidbenchError(
                f"the split has no image in '{part}'", where=str(path), remedy=f"mark some rows as {part}"
            )
    unnamed = len(image_ids) - len(where)
    warnings = [f"{unnamed} images are not in {path.name} and count as unused"] if unnamed else []
    warnings += leaks(np.array(parts, dtype=object), images)
    return Split(image_ids, parts, "file", None, tuple(warnings))


def write_split(split: Split, path: Path) -> None:
    """Write ``image_id,part``, sorted by id; the file appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("image_id", "part"))
            writer.writerows(zip(split.image_ids, split.parts, strict=True))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ReidbenchError(
            f"the split cannot be written: {error}", where=str(path), remedy="choose a folder you may write to"
        ) from error


def _read_rows(path: Path) -> Iterator[tuple[int, str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [cell.strip() for cell in next(reader, [])]
            missing = [column for column in ("image_id", "part") if column not in header]
            if missing:
                raise ReidbenchError(
                    f"the split has no column {' and no column '.join(missing)}; its columns: {', '.join(header)}",
                    where=f"{path}, row 1",
                    remedy="write a CSV with the columns image_id,part: reidbench split DATASET -o split.csv",
                )
            id_at, part_at = header.index("image_id"), header.index("part")
            for record in reader:
                if not any(cell.strip() for cell in record):
                    continue
                if len(record) != len(header):
                    raise ReidbenchError(
                        f"the row has {len(record)} cells, the header {len(header)}",
                        where=f"{path}, row {reader.line_num}",
                        remedy="put quotation marks around a cell that contains a comma",
                    )
                yield reader.line_num, record[id_at].strip(), record[part_at].strip()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReidbenchError(
            f"the split cannot be read: {error}", where=str(path), remedy="name a CSV with the columns image_id,part"
        ) from error
