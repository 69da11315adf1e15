"""Read image sets from CSV and Parquet tables, and from folders with one sub-folder for each identity."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reidbench.csv_files import read_csv
from reidbench.data.image_files import (
    IMAGE_SUFFIXES,
    FolderContent,
    left_out_notes,
    missing_reader,
    read_folder,
    read_top,
)
from reidbench.data.images import ImageSet
from reidbench.data.names import NameRules
from reidbench.data.reading import ReadingOptions
from reidbench.data.sources.rows import NO_OPTIONS, NO_RULES, Rows, image_set
from reidbench.errors import ReidbenchError

_METADATA = "metadata.csv"
_PARQUET_SUFFIXES = (".parquet", ".pq")


def from_file(
    path: Path, root: Path | None, naming: NameRules = NO_RULES, options: ReadingOptions = NO_OPTIONS
) -> ImageSet:
    """Read a table; the set has the name of the folder for ``metadata.csv``, of the file for other tables."""
    if path.suffix.lower() in _PARQUET_SUFFIXES:
        rows = _read_parquet(path)
    else:
        rows = Rows.from_csv(read_csv(path))
    folder = path.resolve().parent
    name = folder.name if path.stem.lower() == "metadata" and folder.name else path.stem
    rows, reading = rows.by_role(options)
    return image_set(name, rows, root=root or path.parent, source="file", naming=naming, reading=reading)


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


def from_folder(
    folder: Path, root: Path | None, naming: NameRules = NO_RULES, options: ReadingOptions = NO_OPTIONS
) -> ImageSet:
    """Read ``metadata.csv`` if the folder has one, else each sub-folder as one identity.

    Images at any depth below a sub-folder show that animal. Images next to the sub-folders, and those in a sub-folder
    with a word for an unidentified animal, such as ``unknown``, are set aside.
    """
    if (folder / _METADATA).is_file():
        return from_file(folder / _METADATA, root, naming, options)
    options.refuse_table(str(folder), "a folder without a table has no columns")
    top, animals = read_top(folder)
    if not animals:
        raise ReidbenchError(
            f"the folder has no {_METADATA} and no sub-folder",
            where=str(folder),
            remedy="make one sub-folder for each animal, named after it, with its images inside",
        )
    identity: list[str] = []
    path: list[str] = []
    contents = [top]
    for animal in animals:
        content = read_folder(animal, folder)
        if not content.images and not content.is_link_back:
            raise _no_image(animal, content)
        contents.append(content)
        identity += [animal.name] * len(content.images)
        path += [image.relative_to(folder).as_posix() for image in content.images]
    rows = Rows({"identity": identity, "path": path}, str(folder), None, len(path))
    note = "; ".join(left_out_notes(contents))
    return image_set(
        folder.resolve().name,
        rows,
        root=folder,
        source="folder",
        note=note,
        naming=naming,
        set_aside=len(top.images),
    )


def _no_image(animal: Path, content: FolderContent) -> ReidbenchError:
    """Return the error for a sub-folder without images, which says what lies there and never asks to delete files."""
    needed = next(filter(None, map(missing_reader, content.left_out)), None)
    holds = left_out_notes([content])
    return ReidbenchError(
        f"the sub-folder '{animal.name}' contains no image that can be read here"
        + f": {'; '.join(holds)}" * bool(holds),
        where=str(animal),
        remedy=needed or f"put images into it ({' '.join(sorted(IMAGE_SUFFIXES))}), or move the folder elsewhere",
    )
