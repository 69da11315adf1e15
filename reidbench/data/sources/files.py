"""Read image sets from CSV and Parquet tables, and from folders with one sub-folder for each identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from reidbench.data.reading import ReadingOptions, ReadingReport
from reidbench.data.sources.layouts import MARKET, MARKET_PARTS, SubFolder, find_layout
from reidbench.data.sources.rows import NO_OPTIONS, NO_RULES, Rows, image_set
from reidbench.data.sources.unlisted import unlisted_remarks
from reidbench.errors import ReidbenchError

_METADATA = "metadata.csv"
_MARKET_JUNK = frozenset({"-1", "0", "0000"})  # wrong boxes and distractors of Market-1501: no animal
_PARQUET_SUFFIXES = (".parquet", ".pq")


def from_file(
    path: Path, root: Path | None, naming: NameRules = NO_RULES, options: ReadingOptions = NO_OPTIONS
) -> ImageSet:
    """Read a table; the set has the name of the folder for ``metadata.csv``, of the file for other tables."""
    options.refuse_folders(str(path), "a table is no folder")
    if path.suffix.lower() in _PARQUET_SUFFIXES:
        rows = _read_parquet(path)
    else:
        rows = Rows.from_csv(read_csv(path))
    folder = path.resolve().parent
    name = folder.name if path.stem.lower() == "metadata" and folder.name else path.stem
    rows, reading = rows.by_role(options)
    start = root or path.parent
    images = image_set(name, rows, root=start, source="file", naming=naming, reading=reading)
    if path.stem.lower() != "metadata":  # a table with another name may be meant as a selection
        return images
    cells = (*rows.columns["path"], *rows.columns.get("segmentation", ()))
    remarks = (*images.reading.remarks, *unlisted_remarks(cells, start))
    return replace(images, reading=replace(images.reading, remarks=remarks), checked=True)


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
    """Read ``metadata.csv`` if the folder has one, in upper or lower case, else the folders of animals.

    :func:`find_layout` recognises which folders are animals, unless the user says it. Images at any depth below the
    folder of an animal show that animal. Images outside such folders, and those in a folder with a word for an
    unidentified animal, such as ``unknown``, are set aside.
    """
    table = _table_of(folder)
    if table is not None:
        options.refuse_folders(str(folder), f"the folder has {table.name}")
        return from_file(table, root, naming, options)
    options.refuse_table(str(folder), "a folder without a table has no columns")
    content, subs = read_top(folder)
    layout = options.folders or _find_layout(folder, content, subs)
    contents = [content]
    identity: list[str] = []
    part: list[str] = []
    path: list[Path] = []
    group: list[str] = []
    n_loose = 0
    if layout == "market":
        contents = [read_folder(folder)]
        for image in contents[0].images:
            match = MARKET.match(image.name)
            word = MARKET_PARTS.get(image.relative_to(folder).parts[0])  # None outside the folders of Market-1501
            if match is None or word == "":
                n_loose += 1
            else:
                part.append(word or "")
                identity.append("" if match[1] in _MARKET_JUNK else match[1])
                path.append(image)
    else:
        outer = layout.partition("/")[0] if layout != "identity" else ""
        animals = [("", sub) for sub in subs]
        n_loose = len(content.images)
        if outer:
            levels = [(sub.name.casefold() if outer == "split" else sub.name, *read_top(sub)) for sub in subs]
            contents += [level for _, level, _ in levels]
            n_loose += sum(len(level.images) for _, level, _ in levels)
            animals = [(name, animal) for name, _, inner in levels for animal in inner]
        for name, animal in animals:
            found = read_folder(animal, folder)
            if not found.images and not found.is_link_back:
                raise _no_image(animal, found)
            contents.append(found)
            identity += [animal.name] * len(found.images)
            part += [name if outer == "split" else ""] * len(found.images)
            group += [name if outer == "group" else ""] * len(found.images)
            path += found.images
    if not path:
        raise ReidbenchError(
            f"the folder has no photograph in the layout {layout}",
            where=str(folder),
            remedy="choose another layout by --folders, or add a metadata.csv",
        )
    columns = {"identity": identity, "path": [image.relative_to(folder).as_posix() for image in path]}
    if any(part):
        columns["split"] = part
    if any(group):
        columns["species"] = group
    return image_set(
        folder.resolve().name,
        Rows(columns, str(folder), None, len(path)),
        root=folder,
        source="folder",
        note="; ".join(left_out_notes(contents)),
        naming=naming,
        set_aside=n_loose,
        reading=ReadingReport(layout=layout, options=options),
    )


def _table_of(folder: Path) -> Path | None:
    """Return the ``metadata.csv`` of a folder, in upper or lower case; ``None`` if there is none.

    Raises:
        ReidbenchError: There are several, and none is in lower case.
    """
    if (folder / _METADATA).is_file():
        return folder / _METADATA
    tables = sorted(path for path in folder.iterdir() if path.name.casefold() == _METADATA and path.is_file())
    if len(tables) > 1:
        raise ReidbenchError(
            f"the folder has several tables: {', '.join(path.name for path in tables)}",
            where=str(folder),
            remedy=f"--dataset {tables[0]}   # name one of them",
        )
    return tables[0] if tables else None


def _find_layout(folder: Path, content: FolderContent, subs: Sequence[Path]) -> str:
    seen = []
    for sub in subs:
        inside, inner = read_top(sub)
        seen.append(SubFolder(sub.name, len(inside.images), tuple(each.name for each in inner)))
    return find_layout(folder, [image.name for image in content.images], seen)


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
