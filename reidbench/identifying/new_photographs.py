"""Read new photographs from a folder or a CSV. Files that cannot be read are listed and skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reidbench.csv_files import read_csv
from reidbench.data.decoding import decode
from reidbench.data.image_checks import COLUMNS, Origin
from reidbench.data.image_files import IMAGE_SUFFIXES, image_format, is_image, left_out_notes, near_path, read_folder
from reidbench.data.image_masks import mask_cells
from reidbench.data.images import Given, ImageSet
from reidbench.data.masks import absolute_mask
from reidbench.data.reading import ReadingOptions, ReadingReport
from reidbench.data.several_pictures import several_pictures_notes
from reidbench.data.side_words import other_sides, side_readings
from reidbench.data.sources.boxes import read_boxes
from reidbench.data.sources.cells import moment
from reidbench.data.sources.columns import find_columns
from reidbench.data.sources.encounter_values import encounter_values
from reidbench.data.wide_samples import wide_notes
from reidbench.errors import ReidbenchError

_PLACEHOLDER = "\x00unnamed"  # begins the identity that an image set needs; no table can hold a zero byte


@dataclass(frozen=True, slots=True, eq=False)
class NewPhotographs:
    """Photographs to identify.

    Attributes:
        images: The readable photographs with absolute paths. Each has a different placeholder as its identity.
        unreadable: Name and error message of each photograph that cannot be read.
        skipped: Number of files in the folder that are no photographs.
        notes: Remarks on the files that were left out.
        encounter: Value of the column ``encounter`` for each readable photograph, empty text for none.
    """

    images: ImageSet
    unreadable: Sequence[tuple[str, str]] = ()
    skipped: int = field(default=0)
    notes: Sequence[str] = ()
    encounter: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A photograph of a folder or a row of a CSV, before it is read."""

    name: str
    path: Path
    group: str = ""
    date: str = ""
    orientation: str = ""
    bbox: tuple[float, ...] | None = None
    where: str = ""
    problem: str = ""
    encounter: str = ""
    mask: Any = None
    row: int = 0  # of the CSV


def read_photographs(
    source: Path,
    groups: Sequence[str],
    group: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    bbox: str = "",
    advance: Callable[[int], None] = lambda _: None,
) -> NewPhotographs:
    """Read new photographs.

    Args:
        source: A folder with its sub-folders, a single photograph, or a CSV. A sub-folder may have the name of a group.
            The CSV has a column ``path`` and optionally ``image_id``, ``dataset`` or ``species`` (the group), ``date``,
            ``orientation`` and ``bbox``; the names may be synonyms.
        groups: Groups of the gallery.
        group: Group of all photographs, whatever the CSV says. Without it, the group of a photograph is its group in
            the CSV, its sub-folder, or the only group of the gallery.
        columns: Column of the CSV for each role, if it can't be found by name.
        bbox: Form of the boxes in the CSV.
        advance: Called with 1 after each photograph.

    Raises:
        ReidbenchError: There are no photographs, none can be read, or the group of one is unknown.

    Example:
        >>> read_photographs(Path("new"), ["lynx"]).images.table["image_id"].tolist()  # doctest: +SKIP
        ['day1/IMG_0001.jpg', 'day1/IMG_0002.jpg']
    """
    if group is not None and group not in groups:
        raise ReidbenchError(
            f"the gallery of the run has no group '{group}'",
            where=f"--group {group}",
            remedy="choose one of: " + ", ".join(groups),
        )
    asked = ReadingOptions(columns or {}, bbox)
    if not source.is_file():
        asked.refuse_table(str(source), "a folder of photographs has no columns")
    entries, skipped, notes = (
        _entries_of_file(source, asked) if source.is_file() else _entries_of_folder(source, groups)
    )
    if not entries:
        raise ReidbenchError(
            "there are no photographs that can be read here" + f": {'; '.join(notes)}" * bool(notes),
            where=str(source),
            remedy=f"add photographs: {' '.join(sorted(IMAGE_SUFFIXES))}",
        )
    entry_groups, group_notes = _groups_of(entries, groups, group, source)
    notes += group_notes
    rows: list[tuple[object, ...]] = []
    encounters: list[str] = []
    masks: list[Any] = []
    numbers: list[int] = []
    unreadable: list[tuple[str, str]] = []
    for entry, entry_group in zip(entries, entry_groups, strict=True):
        try:
            if entry.problem:
                raise ReidbenchError(entry.problem, where=entry.where)
            decode(entry.path, entry.bbox)
        except ReidbenchError as error:
            row = f" ({error.where})" if entry.problem else ""
            near = "" if entry.path.exists() else near_path(str(entry.path), Path())
            meant = f"; did you mean '{Path(near).name}'?" if near else ""
            unreadable.append((entry.name, error.message + meant + row))
        else:
            encounters.append(entry.encounter)
            masks.append(entry.mask)
            numbers.append(entry.row)
            identity = f"{_PLACEHOLDER} {len(rows)}"
            rows.append((
                entry.name, identity, str(entry.path), entry_group, entry.date, entry.orientation, entry.bbox
            ))  # fmt: skip
        advance(1)
    if not rows:
        raise ReidbenchError(
            f"none of the {len(entries)} photographs can be read; the first is '{unreadable[0][0]}': "
            f"{unreadable[0][1]}",
            where=str(source),
            remedy="copy the files again from their source",
        )
    by_column = zip(COLUMNS, zip(*rows, strict=True), strict=True)
    table = pd.DataFrame({name: pd.Series(list(values), dtype=object) for name, values in by_column})
    files = [Path(str(path)) for path in table["path"]]
    notes += [*wide_notes(files), *several_pictures_notes(files)]
    origin = Origin(str(source), np.array(numbers, dtype=np.int64) if all(numbers) else None)
    images = ImageSet(source.name, Path(), table, source="photographs", origin=origin, given=_only_masks(masks))
    return NewPhotographs(images, tuple(unreadable), skipped, notes, tuple(encounters))


def _groups_of(
    entries: Sequence[_Entry], groups: Sequence[str], group: str | None, source: Path
) -> tuple[list[str], list[str]]:
    """Return the group of each photograph, and a note if ``group`` overrides what a table says.

    Raises:
        ReidbenchError: A photograph has no group, or one that the gallery does not have.
    """
    if group is not None:
        overridden = Counter(entry.group for entry in entries if entry.group not in ("", group))
        notes = [f"--group {group} is used instead of the groups in the table: {_counts(overridden)}"]
        return [group] * len(entries), notes if overridden else []
    absent = Counter(entry.group for entry in entries if entry.group and entry.group not in groups)
    if absent:
        first = next(entry for entry in entries if entry.group in absent)
        raise ReidbenchError(
            f"the gallery of the run has no animals of these groups of photographs: {_counts(absent)}",
            where=first.where or str(source),
            remedy="correct the group or leave these photographs out; --group NAME searches one group for all "
            f"photographs. Groups of the gallery: {', '.join(groups)}",
        )
    only_group = groups[0] if len(groups) == 1 else ""
    entry_groups = [entry.group or only_group for entry in entries]
    if "" in entry_groups:
        raise ReidbenchError(
            f"the group of '{entries[entry_groups.index('')].name}' is unknown",
            where=str(source),
            remedy="use --group NAME for all, a sub-folder for each group, or a column 'dataset' in a CSV; groups: "
            + ", ".join(groups),
        )
    return entry_groups, []


def _counts(groups: Mapping[str, int]) -> str:
    """Return ``"'lion' (2 photographs)"``, the groups sorted."""
    return ", ".join(f"'{name}' ({n} photograph{'s' * (n > 1)})" for name, n in sorted(groups.items()))


def _entries_of_folder(folder: Path, groups: Sequence[str]) -> tuple[list[_Entry], int, list[str]]:
    """Return the photographs of a folder, the number of other files, and remarks on these."""
    if not folder.is_dir():
        raise ReidbenchError(
            f"there is no folder or CSV '{folder}'",
            where=str(folder),
            remedy="name a folder of photographs, or a CSV with a column path",
        )
    content = read_folder(folder)
    entries = []
    for path in content.images:
        inside = path.relative_to(folder)
        top = inside.parts[0] if len(inside.parts) > 1 else ""
        entries.append(_Entry(inside.as_posix(), path.resolve(), top if top in groups else ""))
    return entries, content.left_out.total(), left_out_notes([content])


def _entries_of_file(file: Path, asked: ReadingOptions) -> tuple[list[_Entry], int, list[str]]:
    """Return the rows of a CSV, or the one photograph that ``file`` is, and remarks; nothing is left out."""
    if is_image(file) or image_format(file):
        asked.refuse_table(str(file), "a photograph has no columns")
        return [_Entry(file.name, file.resolve())], 0, []
    table = read_csv(file)
    found = find_columns(list(table.columns), asked.columns, where=str(table.path), needed=("path",))
    asked.check_box_column(found.header, table.columns, str(table.path))
    kind = "dataset" if "dataset" in found.header else "species"
    roles = ("path", "image_id", kind, "date", "orientation", "encounter", "segmentation", "bbox")
    columns = [table.column(found.header.get(role, "")) for role in roles]
    columns[roles.index("encounter")] = encounter_values(columns[roles.index("encounter")])
    read = {role: found.header[role] for role in roles if role in found.header}
    unused = tuple(header for header in table.columns if header not in read.values())
    paths = [file.resolve().parent / path.strip() for path in columns[0]]
    boxes = read_boxes(columns[-1], paths, asked.bbox, str(table.path))
    entries = []
    for index, cells in enumerate(zip(*columns[:-1], strict=True)):
        path, name, group, date, orientation, encounter, mask = (cell.strip() for cell in cells)
        if not path:
            raise ReidbenchError(
                "the column path is empty", where=table.where(index), remedy="write the path of the photograph"
            )
        entries.append(
            _Entry(
                name or path,
                paths[index],
                group,
                moment(date) or "",
                orientation,
                boxes.boxes[index],
                table.where(index),
                boxes.problems.get(index, ""),
                encounter,
                absolute_mask(mask, file.resolve().parent) if mask else None,
                table.rows[index],
            )
        )
    orientations = Counter(columns[roles.index("orientation")])
    sides = [*side_readings(orientations), *other_sides(orientations)]
    return entries, 0, [*ReadingReport(read, unused, boxes.counts, options=asked).lines(), *sides]


def joined(name: str, *sets: ImageSet) -> ImageSet:
    """Return one image set with the images of several checked sets; paths become absolute."""
    tables = []
    for images in sets:
        table = images.table.copy()
        table["path"] = pd.Series(
            [str((images.root / str(path)).resolve()) for path in images.table["path"]], dtype=object
        )
        tables.append(table)
    table = pd.concat(tables, ignore_index=True).astype(object)
    masks = [absolute_mask(cell, images.root) for images in sets for cell in mask_cells(images)]
    return ImageSet(name, Path(), table.where(table.notna(), None), checked=True, given=_only_masks(masks))


def _only_masks(cells: Sequence[Any]) -> Given | None:
    """Return what a source gives if it gives masks and nothing else; ``None`` if no image has one."""
    if all(cell is None for cell in cells):
        return None
    mask = np.empty(len(cells), dtype=object)
    mask[:] = cells
    nothing = np.full(len(cells), "", dtype=object)
    return Given(nothing, nothing, mask=mask)
