"""From what a user names (a file, a folder, a set of wildlife-datasets, the built-in one) to an image set.

Tables have the columns of wildlife-datasets. Rows whose identity is empty, ``nan`` or ``unknown`` are set
aside and counted: nothing can be learnt or judged from an animal without a name.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reidbench.data.columns import bounding_box, day, is_unnamed, text
from reidbench.data.images import ImageSet, Origin
from reidbench.errors import ReidbenchError, did_you_mean

BUILT_IN = "patterns"
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"})

_TABLE_SUFFIXES = (".csv", ".parquet", ".pq")
_METADATA = "metadata.csv"
_COLUMNS_HELP = (
    "columns: identity and path; optional: image_id, date, orientation, species, dataset, bbox "
    "(comma-separated, with a header)"
)
_SHOWN = 5
_NOT_DATASETS = frozenset({"DatasetFactory", "WildlifeDataset"})


def load_dataset(name: str, root: Path | None = None) -> ImageSet:
    """Read a dataset.

    Args:
        name: ``patterns`` or ``patterns:identities=…`` (drawn on this machine), a CSV or Parquet file, a folder
            with one sub-folder for each identity (or a ``metadata.csv``), or a class of wildlife-datasets.
        root: Folder that paths in a table start from (default: the table's own), or where the files of a
            wildlife-datasets class lie.

    Returns:
        The images, checked. The group of an image is its ``dataset`` where the table has that column, else
        its ``species``, else the name of the set.

    Raises:
        ReidbenchError: No such name, or something in the data that the user can mend.
    """
    if name == BUILT_IN or name.startswith(f"{BUILT_IN}:"):
        return _built_in(name)
    path = Path(name).expanduser()
    if path.is_dir():
        metadata = path / _METADATA
        return _from_file(metadata, root) if metadata.is_file() else _from_folder(path)
    if path.is_file():
        return _from_file(path, root)
    if path.suffix.lower() in _TABLE_SUFFIXES or len(path.parts) > 1:
        raise ReidbenchError(f"there is no file or folder '{name}'", where=name, remedy="check the path")
    return _from_wildlife_datasets(name, root)


def dataset_names() -> list[tuple[str, str, str]]:
    """Return ``(name, kind, note)`` of every dataset that can be named, the built-in one first."""
    known = [(BUILT_IN, "built-in", "drawn animals, made on this machine from a seed; no download")]
    note = "needs --root, the folder with its files"
    return known + [(name, "wildlife-datasets", note) for name in _wildlife_names()]


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    """Columns as they were read, and the row number of each entry."""

    columns: dict[str, Sequence[Any]]
    rows: NDArray[np.int64]


def _built_in(name: str) -> ImageSet:
    from reidbench.data.patterns import PatternsOptions, ensure  # draws images; only needed here

    metadata = ensure(PatternsOptions.parse(name.partition(":")[2]))
    return _image_set(
        name,
        _read_csv(metadata),
        root=metadata.parent,
        file=str(metadata),
        source="built-in",
        note="drawn animals, made on this machine; results say nothing of photographs",
    )


def _from_file(path: Path, root: Path | None) -> ImageSet:
    if root is not None and not root.is_dir():
        raise ReidbenchError(f"there is no folder '{root}'", where=f"--root {root}", remedy="name an existing folder")
    raw = _read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _read_csv(path)
    inside_set = path.stem.lower() == "metadata"
    name = path.resolve().parent.name if inside_set else path.stem
    return _image_set(name or path.stem, raw, root=root or path.parent, file=str(path), source="file")


def _read_csv(path: Path) -> _Raw:
    # The csv module, not pandas: it keeps "007" and "NA" as written and knows the line of every record.
    records: list[list[str]] = []
    rows: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [column.strip() for column in next(reader, [])]
            last = reader.line_num
            for record in reader:
                row, last = last + 1, reader.line_num
                if not any(cell.strip() for cell in record):
                    continue
                if len(record) != len(header):
                    raise ReidbenchError(
                        f"the row has {len(record)} cells, the header {len(header)}",
                        where=f"{path}, row {row}",
                        remedy="put quotation marks around a cell that contains a comma",
                    )
                records.append(record)
                rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReidbenchError(f"the table cannot be read: {error}", where=str(path), remedy="save it as a CSV in UTF-8") from error
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise ReidbenchError(
            f"the header names {', '.join(repeated)} more than once", where=f"{path}, row 1", remedy="keep one of them"
        )
    cells = list(zip(*records, strict=True)) if records else [()] * len(header)
    return _Raw(dict(zip(header, cells, strict=True)), np.array(rows, dtype=np.int64))


def _read_parquet(path: Path) -> _Raw:
    try:
        return _from_frame(pd.read_parquet(path))
    except ImportError as error:
        raise ReidbenchError(
            "reading Parquet needs pyarrow", where=str(path), remedy="pip install pyarrow, or save the table as CSV"
        ) from error
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise ReidbenchError(f"the table cannot be read: {error}", where=str(path), remedy="write the file again") from error


def _from_frame(frame: pd.DataFrame) -> _Raw:
    columns: dict[str, Sequence[Any]] = {}
    for column in frame.columns:
        values = frame[column]
        if pd.api.types.is_float_dtype(values.dtype) and not len(values.dropna() % 1 != 0) is None:
            columns[str(column)] = _whole(values)
        else:
            columns[str(column)] = values.tolist()
    return _Raw(columns, np.arange(1, len(frame) + 1))


def _whole(values: pd.Series) -> list[Any]:
    """Undo what a gap does to a column of whole numbers: 12 becomes 12.0 beside a missing value."""
    plain = values.tolist()
    if all(pd.isna(value) or float(value).is_integer() for value in plain):
        return [None if pd.isna(value) else int(value) for value in plain]
    return plain


def _from_folder(root: Path) -> ImageSet:
    """Read one identity from each sub-folder; images at any depth below it are of that animal."""
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise ReidbenchError(
            f"the folder has no {_METADATA} and no sub-folder",
            where=str(root),
            remedy="make one sub-folder for each animal, named after it, with its images inside",
        )
    identity: list[str] = []
    path: list[str] = []
    loose = [entry for entry in root.iterdir() if _is_image(entry)]
    for folder in folders:
        images = sorted(file.relative_to(root).as_posix() for file in folder.rglob("*") if _is_image(file))
        if not images:
            raise ReidbenchError(
                f"the folder of identity '{folder.name}' holds no image",
                where=str(folder),
                remedy="delete the folder or put images inside: " + ", ".join(sorted(IMAGE_SUFFIXES)),
            )
        identity += [folder.name] * len(images)
        path += images
    raw = _Raw({"identity": identity, "path": path}, np.arange(1, len(path) + 1))
    return _image_set(
        root.resolve().name, raw, root=root, file=str(root), source="folder", already_aside=len(loose), with_rows=False
    )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _wildlife_names() -> list[str]:
    """Read the class names without the import, which takes seconds."""
    spec = importlib.util.find_spec("wildlife_datasets")
    if spec is None or not spec.submodule_search_locations:
        return []
    listing = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "__init__.py"
    try:
        tree = ast.parse(listing.read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return []
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    return sorted(
        name for name in names - _NOT_DATASETS if name[:1].isupper() and not name.startswith("Download")
    )


def _from_wildlife_datasets(name: str, root: Path | None) -> ImageSet:
    known = _wildlife_names()
    if name not in known:
        guess = did_you_mean(name, [BUILT_IN, *known])
        raise ReidbenchError(
            f"there is no dataset, file or folder '{name}'",
            where=f"--dataset {name}",
            remedy=(f"{guess} " if guess else "") + "reidbench datasets   # lists the names",
        )
    if root is None:
        raise ReidbenchError(
            f"'{name}' is a set of wildlife-datasets, and its files have to be on this machine",
            where=f"--dataset {name}",
            remedy="--root DIR   # the folder with its files",
        )
    if not root.is_dir():
        raise ReidbenchError(f"there is no folder '{root}'", where=f"--root {root}", remedy="name an existing folder")
    from wildlife_datasets import datasets

    printed = io.StringIO()  # their check prints one line for each missing file
    try:
        with contextlib.redirect_stdout(printed):
            loaded = getattr(datasets, name)(root=str(root))
    except Exception as error:  # whatever their reader meets in foreign files, the user has to hear it
        raise _wildlife_error(name, root, printed.getvalue(), error) from error
    frame = loaded.df.rename(columns={loaded.col_label: "identity", loaded.col_path: "path"})
    return _image_set(
        name,
        _from_frame(frame),
        root=root,
        file=f"{name} in {root}",
        source="wildlife-datasets",
        unnamed=str(loaded.unknown_name),
    )


def _wildlife_error(name: str, root: Path, printed: str, error: Exception) -> ReidbenchError:
    lines = printed.splitlines()
    heading = next((index for index, line in enumerate(lines) if "non-existing images" in line), None)
    if heading is None:
        return ReidbenchError(
            f"wildlife-datasets could not read {name}: {type(error).__name__}: {error}",
            where=f"--root {root}",
            remedy=f"check that {root} is the folder of {name} as wildlife-datasets unpacks it",
        )
    missing = [line for line in lines[heading + 1 :] if line.strip()]
    more = ", …" if len(missing) > _SHOWN else ""
    return ReidbenchError(
        f"{len(missing)} image files of {name} are missing: {', '.join(missing[:_SHOWN])}{more}",
        where=f"--root {root}",
        remedy="unpack the dataset again, or name the folder that holds its files",
    )


def _image_set(
    name: str,
    raw: _Raw,
    *,
    root: Path,
    file: str,
    source: str,
    note: str = "",
    unnamed: str = "unknown",
    already_aside: int = 0,
    with_rows: bool = True,
) -> ImageSet:
    missing = [column for column in ("identity", "path") if column not in raw.columns]
    if missing:
        raise ReidbenchError(
            f"the table has no column {' and no column '.join(missing)}; it has: {', '.join(raw.columns) or 'none'}",
            where=file,
            remedy=_COLUMNS_HELP,
        )
    every = np.arange(len(raw.rows))
    named = every[[not is_unnamed(value, unnamed) for value in raw.columns["identity"]]] if len(every) else every

    def column(key: str) -> list[Any]:
        values = raw.columns.get(key)
        return [""] * len(named) if values is None else [values[index] for index in named]

    dates = [day(value) for value in column("date")]
    dayless = sum(date is None for date in dates)
    notes = [note] if note else []
    if dayless:
        notes.append(f"{dayless} dates name no day and count as no date")
    group = column("dataset" if "dataset" in raw.columns else "species")
    table = {
        "image_id": text(column("image_id" if "image_id" in raw.columns else "path")),
        "identity": text(column("identity")),
        "path": text(column("path")),
        "group": [value if value != "" else name for value in text(group)],
        "date": ["" if date is None else date for date in dates],
        "orientation": text(column("orientation")),
        "bbox": [bounding_box(value) for value in column("bbox")],
    }
    return ImageSet(
        name,
        root,
        pd.DataFrame({key: pd.Series(values, dtype=object) for key, values in table.items()}),
        source=source,
        set_aside=already_aside + len(every) - len(named),
        note="; ".join(notes),
        origin=Origin(file, raw.rows[named] if with_rows else None),
    )
