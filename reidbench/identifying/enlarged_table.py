"""The table of an enlarged dataset: every row and column of the user's table, and the enrolled photographs.

Paths are relative to the new table. Names and ids are written as they were read, so that they read back unchanged.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from reidbench.csv_files import csv_text, read_csv
from reidbench.data.images import ImageSet
from reidbench.data.names import identity_name, identity_names
from reidbench.data.sources.cells import is_missing
from reidbench.errors import ReidbenchError
from reidbench.files import write_output

ENROLLED: Final = "enrolled"
"""Column of an enlarged dataset: ``yes`` for rows that were enrolled from new photographs, otherwise empty."""

_FIRST = ("image_id", "identity", "path")
_OPTIONAL = ("date", "orientation", "bbox")
_TABLES = (".parquet", ".pq")
_NO_ROLE = "\x00"  # begins the key of a column that has the name of a role but not the role


def enlarged_rows(images: ImageSet, enrolled_before: ImageSet | None, output: Path) -> list[dict[str, str]]:
    """Return the rows of the dataset of a run and of the photographs that were enrolled after it.

    Args:
        images: The dataset of the run. If it was read from a table, all rows and columns of the table are returned.
        enrolled_before: Photographs that were enrolled after the run, from an enlarged dataset.
        output: The new table; paths are relative to its folder.
    """
    rows = _rows(images, output, "")
    if enrolled_before is not None:
        paths = {row["path"] for row in rows}
        rows += [row for row in _rows(enrolled_before, output, "yes") if row[ENROLLED] or row["path"] not in paths]
    return rows


def enrolled_row(photographs: ImageSet, row: int, image_id: str, identity: str, output: Path) -> dict[str, str]:
    """Return the row of one photograph that is enrolled now."""
    return {**_values(photographs, row, output), "image_id": image_id, "identity": identity, ENROLLED: "yes"}


def write_enlarged_table(
    output: Path,
    old: Sequence[Mapping[str, str]],
    new: Sequence[Mapping[str, str]],
    header: Mapping[str, str] | None = None,
) -> None:
    """Write the table; columns of the user come in their order, and optional columns only if a cell is filled.

    Args:
        output: The new table.
        old: Rows of the dataset and of earlier enrolments.
        new: Rows of the photographs that are enrolled now.
        header: The user's name of the column of each role; by default the documented names.

    Raises:
        ReidbenchError: The file exists or can't be written, or the names would not read back unchanged.
    """
    if output.exists():
        raise ReidbenchError(
            "the file exists, and existing tables are never overwritten",
            where=f"--output {output}",
            remedy="name a new file",
        )
    columns = list(dict.fromkeys(column for row in old for column in row))
    group = "dataset" if "dataset" in columns or "species" not in columns else "species"
    written = [{**row, group: row["dataset"]} if group == "species" else row for row in new]
    needed = [*_FIRST, group, *(name for name in _OPTIONAL if any(row.get(name) for row in written)), ENROLLED]
    columns = [name for name in columns if name != ENROLLED]
    columns += [name for name in needed if name not in columns]
    rows = [[row.get(name, "") for name in columns] for row in (*old, *written)]
    identities = [row[columns.index("identity")] for row in rows]
    for before, after in zip(identities, identity_names(identities), strict=True):
        if identity_name(before) != after:
            raise ReidbenchError(
                f"the name '{before}' would be read as '{after}', because all other names are numbers with .0",
                where=f"--output {output}",
                remedy="give the new animal another name",
            )
    names = _headers(header or {})
    written_columns = [names.get(name, name.removeprefix(_NO_ROLE)) for name in columns]
    write_output(output, csv_text(written_columns, rows), "enlarged dataset")


def _rows(images: ImageSet, output: Path, mark: str) -> list[dict[str, str]]:
    """Return the rows of the table that images were read from, or of the images if there is no such table."""
    own = _own_table(images)
    values = [{**_values(images, row, output), ENROLLED: mark} for row in range(len(images))]
    if own is None or images.origin.rows is None:
        return values
    columns, numbers = own
    place = {int(number): row for row, number in enumerate(images.origin.rows)}
    group = "dataset" if "dataset" in columns or "species" not in columns else "species"
    rows = []
    for index, number in enumerate(numbers):
        row = {name: cells[index] for name, cells in columns.items()}
        path = row["path"].strip()
        row["image_id"] = row["image_id"].strip() if "image_id" in columns else path
        row[group] = row.get(group, "")
        row[ENROLLED] = ""
        row["path"] = _relative(images.root / path, output) if path else ""
        mask = row.get("segmentation", "").strip()
        if mask and len(mask) < 1000 and "{" not in mask and (images.root / mask).is_file():
            row["segmentation"] = _relative(images.root / mask, output)
        if number in place:
            read = values[place[number]]
            row |= {name: read[name] for name in ("image_id", "identity", "path", ENROLLED)}
            row[group] = row[group].strip() or read["dataset"]
            if images.reading.options.bbox:  # the table gets pixels, as the photographs that are enrolled
                row["bbox"] = read["bbox"]
        rows.append(row)
    return rows


def _own_table(images: ImageSet) -> tuple[Mapping[str, Sequence[str]], Sequence[int]] | None:
    """Return the columns of the user's table and the number of each row; ``None`` if the source is no table."""
    if images.source != "file" or not images.origin.file:
        return None
    path = Path(images.origin.file)
    if path.suffix.lower() in _TABLES:
        import pandas as pd

        frame = pd.read_parquet(path)
        cells = {
            str(name): ["" if value is None else str(value) for value in _plain(frame[name].tolist())]
            for name in frame.columns
        }
        columns: Mapping[str, Sequence[str]] = cells
        numbers: Sequence[int] = range(1, len(frame) + 1)
    else:
        table = read_csv(path)
        columns, numbers = table.columns, table.rows
    columns = _by_role(columns, images.reading.columns)
    return (columns, numbers) if {"identity", "path"} <= set(columns) else None


def _by_role(columns: Mapping[str, Sequence[str]], header: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """Return the user's columns with a role as the name of those that have one."""
    keys = {name: key for key, name in _headers(header).items()}
    return {keys.get(name, _NO_ROLE * (name in header) + name): cells for name, cells in columns.items()}


def _headers(header: Mapping[str, str]) -> dict[str, str]:
    """Return the user's name of each column that a role has; the first role has a column that several share."""
    names: dict[str, str] = {}
    for role, name in header.items():
        if name not in names.values():
            names[role] = name
    return names


def _plain(values: Sequence[object]) -> list[object]:
    """Return the cells of a Parquet column without arrays, ``None`` for a missing cell, and 7 for 7.0."""
    plain: list[object] = []
    for value in values:
        if is_missing(value):
            plain.append(None)
        elif isinstance(value, np.ndarray):
            plain.append(value.tolist())
        elif isinstance(value, float):
            plain.append(int(value) if value.is_integer() else value)
        else:
            plain.append(value)
    return plain


def _values(images: ImageSet, row: int, output: Path) -> dict[str, str]:
    table = images.table
    box = table["bbox"].iloc[row]
    return {
        "image_id": str(table["image_id"].iloc[row]),
        "identity": str(table["identity"].iloc[row]),
        "path": _relative(images.image_path(row), output),
        "dataset": str(table["group"].iloc[row]),
        "date": str(table["date"].iloc[row]),
        "orientation": str(table["orientation"].iloc[row]),
        "bbox": "" if box is None else str([float(value) for value in np.asarray(box)]),
    }


def _relative(path: Path, output: Path) -> str:
    """Return a path relative to the folder of the new table, with ``/``; absolute on another drive."""
    absolute = path.parent.resolve() / path.name
    try:
        return Path(os.path.relpath(absolute, output.parent.resolve())).as_posix()
    except ValueError:  # Windows has no relative path from one drive to another
        return absolute.as_posix()
