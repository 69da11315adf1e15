"""Photographs that nobody has named yet, read from a folder or a table; what can't be read is reported, not fatal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from reidbench.data.decoding import decode
from reidbench.data.images import COLUMNS, ImageSet
from reidbench.data.sources.cells import bounding_box, day, text
from reidbench.data.sources.files import IMAGE_SUFFIXES, read_csv
from reidbench.errors import ReidbenchError

PLACEHOLDER = "\x00unnamed"
"""How the placeholder identities begin that stand for photographs without a name; no table can hold them."""


@dataclass(frozen=True, slots=True, eq=False)
class NewPhotographs:
    """Photographs to identify.

    Attributes:
        images: Those that can be read; each has a placeholder identity of its own, and absolute paths.
        unreadable: File and reason of each that can't.
        skipped: Files of the folder that are no photographs by their name.
    """

    images: ImageSet
    unreadable: Sequence[tuple[str, str]] = ()
    skipped: int = field(default=0)


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    path: Path
    group: str = ""
    date: str = ""
    orientation: str = ""
    bbox: tuple[float, ...] | None = None


def read_photographs(
    source: Path, groups: Sequence[str], group: str | None = None, *, advance: Callable[[int], None] = lambda _: None
) -> NewPhotographs:
    """Read new photographs.

    Args:
        source: A folder, searched at any depth, where a sub-folder may be called after a group; or a CSV with a
            column ``path`` and optionally ``image_id``, ``dataset`` or ``species`` (the group), ``date``,
            ``orientation`` and ``bbox``.
        groups: Groups that the run's gallery has.
        group: Group of every photograph that no table says it of; needed where the gallery has several.
        advance: Told of every photograph that was looked at.

    Raises:
        ReidbenchError: Nothing is there, no photograph can be read, or its group is not known.

    Example:
        >>> read_photographs(Path("new"), ["lynx"]).images.table["image_id"].tolist()  # doctest: +SKIP
        ['day1/IMG_0001.jpg', 'day1/IMG_0002.jpg']
    """
    if group is not None and group not in groups:
        raise ReidbenchError(
            f"the run's gallery has no group '{group}'",
            where=f"--group {group}",
            remedy="choose one of: " + ", ".join(groups),
        )
    found, skipped = _of_table(source) if source.is_file() else _of_folder(source, groups)
    if not found:
        raise ReidbenchError(
            "there is no photograph", where=str(source), remedy=f"put files inside: {' '.join(sorted(IMAGE_SUFFIXES))}"
        )
    only = groups[0] if len(groups) == 1 else group
    rows: list[tuple[object, ...]] = []
    unreadable: list[tuple[str, str]] = []
    for each in found:
        mine = each.group if each.group and group is None and len(groups) > 1 else only
        if mine is None or mine not in groups:
            raise ReidbenchError(
                f"it is not known to which group '{each.name}' belongs"
                + (f": the run's gallery has no '{mine}'" if mine else ""),
                where=str(source),
                remedy="--group NAME for all, a sub-folder for each group, or a column 'dataset' in a CSV; groups: "
                + ", ".join(groups),
            )
        try:
            decode(each.path, each.bbox)
        except ReidbenchError as error:
            unreadable.append((each.name, error.message))
        else:
            identity = f"{PLACEHOLDER} {len(rows)}"
            rows.append((each.name, identity, str(each.path), mine, each.date, each.orientation, each.bbox))
        advance(1)
    if not rows:
        raise ReidbenchError(
            f"none of {len(found)} photographs can be read; the first, '{unreadable[0][0]}': {unreadable[0][1]}",
            where=str(source),
            remedy="copy the files again from their source",
        )
    columns = zip(COLUMNS, zip(*rows, strict=True), strict=True)
    table = pd.DataFrame({name: pd.Series(list(values), dtype=object) for name, values in columns})
    return NewPhotographs(ImageSet(source.name, Path(), table, source="photographs"), tuple(unreadable), skipped)


def _of_folder(folder: Path, groups: Sequence[str]) -> tuple[list[_Found], int]:
    if not folder.is_dir():
        raise ReidbenchError(
            f"there is no folder and no table '{folder}'", where=str(folder), remedy="name a folder of photographs"
        )
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    photographs = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    found = []
    for path in photographs:
        inside = path.relative_to(folder)
        top = inside.parts[0] if len(inside.parts) > 1 else ""
        found.append(_Found(inside.as_posix(), path.resolve(), top if top in groups else ""))
    return found, len(files) - len(photographs)


def _of_table(file: Path) -> tuple[list[_Found], int]:
    if file.suffix.lower() in IMAGE_SUFFIXES:
        return [_Found(file.name, file.resolve())], 0
    rows = read_csv(file)
    if "path" not in rows.columns:
        raise ReidbenchError(
            f"the table has no column path; its columns: {', '.join(rows.columns) or 'none'}",
            where=str(file),
            remedy="columns: path; optional: image_id, dataset, date, orientation, bbox",
        )

    def column(name: str) -> Sequence[str]:
        return text(rows.columns.get(name, [""] * rows.n_row))

    kind = "dataset" if "dataset" in rows.columns else "species"
    found = []
    for index, (path, name, group, date, orientation, box) in enumerate(
        zip(*map(column, ("path", "image_id", kind, "date", "orientation", "bbox")), strict=True)
    ):
        written = day(date)
        if not path:
            number = int(rows.numbers[index]) if rows.numbers is not None else index + 1
            raise ReidbenchError("a row names no path", where=f"{file}, row {number}", remedy="fill it in")
        found.append(
            _Found(name or path, (file.resolve().parent / path), group, written or "", orientation, bounding_box(box))
        )
    return found, 0


def joined(name: str, *sets: ImageSet) -> ImageSet:
    """Put checked sets of images one after another, with absolute paths, so that they need no common folder."""
    tables = []
    for images in sets:
        table = images.table.copy()
        table["path"] = pd.Series(
            [str((images.root / str(path)).resolve()) for path in images.table["path"]], dtype=object
        )
        tables.append(table)
    whole = pd.concat(tables, ignore_index=True).astype(object)
    return ImageSet(name, Path(), whole.where(whole.notna(), None), checked=True)
