"""Sources on disk: CSV and Parquet tables, and folders with one sub-folder for each identity."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from reidbench.data.images import ImageSet
from reidbench.data.sources.rows import Rows, image_set
from reidbench.errors import ReidbenchError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"})

_METADATA = "metadata.csv"
_PARQUET_SUFFIXES = (".parquet", ".pq")


def from_file(path: Path, root: Path | None) -> ImageSet:
    """Read a table; ``metadata.csv`` is called after its folder, any other file after itself."""
    rows = _read_parquet(path) if path.suffix.lower() in _PARQUET_SUFFIXES else read_csv(path)
    folder = path.resolve().parent
    name = folder.name if path.stem.lower() == "metadata" and folder.name else path.stem
    return image_set(name, rows, root=root or path.parent, source="file")


def read_csv(path: Path) -> Rows:
    """Read a CSV as text, each record with the line it starts on.

    With the csv module, not pandas: "007" and "NA" stay as written, and a record knows its line.
    """
    records: list[list[str]] = []
    numbers: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [column.strip() for column in next(reader, [])]
            last = reader.line_num
            for record in reader:
                number, last = last + 1, reader.line_num
                if not any(cell.strip() for cell in record):
                    continue
                if len(record) != len(header):
                    raise ReidbenchError(
                        f"the row has {len(record)} cells, the header {len(header)}",
                        where=f"{path}, row {number}",
                        remedy="put quotation marks around a cell that contains a comma",
                    )
                records.append(record)
                numbers.append(number)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReidbenchError(
            f"the table cannot be read: {error}", where=str(path), remedy="save it as a CSV in UTF-8"
        ) from error
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise ReidbenchError(
            f"the header names {', '.join(repeated)} more than once", where=f"{path}, row 1", remedy="keep one of them"
        )
    cells = list(zip(*records, strict=True)) if records else [()] * len(header)
    columns = dict(zip(header, cells, strict=True))
    return Rows(columns, str(path), np.array(numbers, dtype=np.int64), len(records))


def _read_parquet(path: Path) -> Rows:
    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise ReidbenchError(
            "reading Parquet needs pyarrow", where=str(path), remedy="pip install pyarrow, or save the table as CSV"
        ) from error
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise ReidbenchError(
            f"the table cannot be read: {error}", where=str(path), remedy="write the file again, or save it as CSV"
        ) from error
    return Rows.from_frame(frame, str(path))


def from_folder(folder: Path, root: Path | None) -> ImageSet:
    """Read ``metadata.csv`` where the folder has one, else one identity from each sub-folder.

    Images at any depth below a sub-folder are of that animal. Images beside the sub-folders, and a
    sub-folder called ``unknown``, have no identity and are set aside.
    """
    if (folder / _METADATA).is_file():
        return from_file(folder / _METADATA, root)
    animals = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not animals:
        raise ReidbenchError(
            f"the folder has no {_METADATA} and no sub-folder",
            where=str(folder),
            remedy="make one sub-folder for each animal, named after it, with its images inside",
        )
    identity: list[str] = []
    path: list[str] = []
    for animal in animals:
        found = sorted(file.relative_to(folder).as_posix() for file in animal.rglob("*") if _is_image(file))
        if not found:
            raise ReidbenchError(
                f"the sub-folder '{animal.name}' holds no image",
                where=str(animal),
                remedy=f"delete it, or put images inside ({' '.join(sorted(IMAGE_SUFFIXES))})",
            )
        identity += [animal.name] * len(found)
        path += found
    rows = Rows({"identity": identity, "path": path}, str(folder), None, len(path))
    beside = sum(_is_image(entry) for entry in folder.iterdir())
    return image_set(folder.resolve().name, rows, root=folder, source="folder", set_aside=beside)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
