"""Turn the rows of any source into an image set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reidbench.csv_files import CsvTable
from reidbench.data.image_checks import Origin
from reidbench.data.images import DEFAULT_GROUP, Given, ImageSet
from reidbench.data.names import NameRules, identity_name, identity_names, is_word
from reidbench.data.reading import ReadingOptions, ReadingReport
from reidbench.data.several_pictures import several_pictures_notes
from reidbench.data.side_words import side_readings
from reidbench.data.sources.boxes import REMEDY as BOX_REMEDY
from reidbench.data.sources.boxes import read_boxes
from reidbench.data.sources.cells import has_mask, is_missing, text
from reidbench.data.sources.columns import find_columns, plain
from reidbench.data.sources.dates import read_dates
from reidbench.data.sources.encounter_values import encounter_remarks, encounter_values, repeats
from reidbench.data.sources.remarks import remarks_on
from reidbench.data.wide_samples import wide_notes
from reidbench.errors import ReidbenchError

_HELP = (
    "columns: identity and path; optional: image_id, date, encounter, orientation, species, dataset, bbox, segmentation"
)

NO_RULES = NameRules()
NO_OPTIONS = ReadingOptions()
ENCOUNTER_COLUMNS = (
    "encounter", "encounter_id", "eventID", "event_id", "sequence_id", "seq_id", "video", "video_id", "occurrenceID",
    "sighting", "sighting_id", "burst", "burst_id",
)  # fmt: skip
"""Columns that can hold the encounter of an image, in any case and with any separators; the first of them is used."""
_READ = frozenset(
    ("identity", "path", "image_id", "date", "orientation", "species", "dataset", "bbox", "segmentation", "split")
    + ("cluster_id",)
)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Columns of equal length, as a source has them.

    Attributes:
        columns: Values of each column.
        file: Name of the source in errors.
        numbers: Row of each record in the file, ``(n_row,)``, counted from 1; ``None`` if the source is no table.
        n_row: Number of records.
    """

    columns: Mapping[str, Sequence[Any]]
    file: str
    numbers: NDArray[np.int64] | None
    n_row: int

    def take(self, rows: NDArray[np.int64], **changed: Sequence[Any]) -> Rows:
        """Return some of the rows, in that order; ``changed`` replaces or adds columns."""
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()} | changed
        return Rows(columns, self.file, None if self.numbers is None else self.numbers[rows], len(rows))

    @classmethod
    def from_csv(cls, table: CsvTable) -> Rows:
        """Return the rows of a CSV file."""
        return cls(table.columns, str(table.path), np.array(table.rows, dtype=np.int64), len(table))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, file: str) -> Rows:
        """Return the rows of a table in memory; ``file`` names it in errors."""
        columns = {str(column): _whole(frame[column].tolist()) for column in frame.columns}
        return cls(columns, file, np.arange(1, len(frame) + 1), len(frame))

    def by_role(self, options: ReadingOptions) -> tuple[Rows, ReadingReport]:
        """Return the rows with roles as names of columns, and a report on the columns.

        Raises:
            ReidbenchError: A column is missing, or two could have one role.
        """
        found = find_columns(list(self.columns), options.columns, where=self.file, needed=("identity", "path"))
        options.check_box_column(found.header, self.columns, self.file)
        columns = {role: self.columns[header] for role, header in found.header.items()}
        for header in found.not_used:  # one of them may hold the encounters
            is_encounter = "encounter" in options.columns and _letters(header) in map(_letters, ENCOUNTER_COLUMNS)
            if plain(header) not in map(plain, (*columns, *options.columns)) and not is_encounter:
                columns[header] = self.columns[header]
        return Rows(columns, self.file, self.numbers, self.n_row), ReadingReport(
            found.header, found.not_used, options=options
        )


def image_set(
    name: str,
    rows: Rows,
    *,
    root: Path,
    source: str,
    note: str = "",
    naming: NameRules = NO_RULES,
    unknown: str = "",
    set_aside: int = 0,
    split_kind: str = "",
    asked: ImageSet | None = None,
    reading: ReadingReport | None = None,
) -> ImageSet:
    """Fill in optional columns, set rows without an identity aside, and make an image set, which checks the rest.

    Args:
        name: Name of the set. It is for display: images that have neither ``dataset`` nor ``species`` have the group
            :data:`DEFAULT_GROUP`.
        rows: Rows of the source.
        root: Folder that relative paths start from.
        source: Kind of source, as in :class:`ImageSet`.
        note: Remark for readers of the results.
        naming: The rules of the user for names: words of `--unknown` and `--name`.
        unknown: Further word that the source writes for an animal without a name.
        set_aside: Number of further images without an identity, which are not among the rows.
        split_kind: Kind of split to make by default; empty for none in particular.
        asked: Queries of a competition: images that the source wants identified.
        reading: Report on the columns; empty by default.

    Raises:
        ReidbenchError: A column is missing, or the image set refuses the rows.
    """
    missing = [column for column in ("identity", "path") if column not in rows.columns]
    if missing:
        found = ", ".join(rows.columns) or "none"
        raise ReidbenchError(
            f"the table has no column {' and no column '.join(missing)}; its columns: {found}",
            where=rows.file,
            remedy=f"{_HELP}; comma-separated, with a header",
        )
    for row, cell in enumerate(rows.columns["identity"]):
        if isinstance(cell, (bytes, list, tuple, dict, set, np.ndarray)):
            number = row + 1 if rows.numbers is None else int(rows.numbers[row])
            raise ReidbenchError(
                f"the identity {cell!r} is a {type(cell).__name__}, not text",
                where=f"{rows.file}, row {number}",
                remedy="write the name of one animal as text",
            )
    names = identity_names(rows.columns["identity"])
    aside = [naming.is_unidentified(each) or (each == unknown and each not in naming.names) for each in names]
    named = [index for index in range(rows.n_row) if not aside[index]]
    words = Counter(each for each, left_out in zip(names, aside, strict=True) if left_out)
    words[""] += set_aside

    def column(key: str) -> list[Any]:
        values = rows.columns.get(key)
        return [""] * len(named) if values is None else [values[index] for index in named]

    dates = read_dates(column("date"))
    is_users = reading is not None
    notes = [note] if note else []
    if not is_users:  # no line on the columns is printed for such a source
        notes += dates.remarks
    notes += naming.unused(set(names))
    encounter_column = _encounter_column(rows.columns)
    encounters = encounter_values(column(encounter_column))
    identities = [names[index] for index in named]
    if any(encounters) and not repeats(identities, encounters):
        notes.append(f"column '{encounter_column}' differs in all photographs of each animal: it is not used")
        encounter_column, encounters = "", [""] * len(named)
    doubts = encounter_remarks(identities, encounters, dates.texts)
    if not is_users:
        notes += [*doubts, *side_readings([str(cell) for cell in text(column("orientation"))])]
    files = [root / path for path in text(column("path")) if isinstance(path, str)]
    notes += [*wide_notes(files), *several_pictures_notes(files)]
    paths = text(column("path"), numbers=False)
    numbers = None if rows.numbers is None else rows.numbers[np.array(named, dtype=np.int64)]
    origin = Origin(rows.file, numbers)
    # Boxes of sources that are no tables of the user are in pixels.
    form = "xywh" if reading is None else reading.options.bbox
    read = read_boxes(column("bbox"), [root / str(path) for path in paths], form, rows.file)
    for row, problem in read.problems.items():
        raise ReidbenchError(problem, where=origin.at(row), remedy=BOX_REMEDY)
    # The species counts only without a column dataset: AnimalCLEF leaves the species of every salamander empty.
    groups = text(column("dataset" if "dataset" in rows.columns else "species"))
    orientations = text(column("orientation"))
    if is_users:
        groups, orientations = _without_words(groups), _without_words(orientations)
    table = {
        "image_id": text(column("image_id" if "image_id" in rows.columns else "path")),
        "identity": identities,
        "path": paths,
        "group": [value if value != "" else DEFAULT_GROUP for value in groups],
        "date": dates.texts,
        "encounter": encounters,
        "orientation": orientations,
        "bbox": read.boxes,
    }
    unused = [name for name in rows.columns if name not in (*_READ, encounter_column)]
    if reading is None:
        reading = ReadingReport()
    else:
        encounter_column = reading.columns.get(encounter_column, encounter_column)
        reading = reading.with_encounter(encounter_column)
        unused = list(reading.columns_not_used)
    images = ImageSet(
        name,
        root,
        pd.DataFrame({key: pd.Series(values, dtype=object) for key, values in table.items()}),
        source=source,
        set_aside=set_aside + rows.n_row - len(named),
        set_aside_words={word: count for word, count in sorted(words.items()) if count},
        naming=naming,
        note="; ".join(notes),
        origin=origin,
        given=_given(column, split_kind, asked),
        encounter_column=encounter_column,
        unused_columns=tuple(unused),
        reading=replace(reading, boxes=read.counts),
    )
    if not is_users:
        return images
    return replace(
        images, reading=replace(images.reading, remarks=(*dates.remarks, *doubts, *remarks_on(images))), checked=True
    )


def _encounter_column(columns: Mapping[str, Sequence[Any]]) -> str:
    """Return the name of the column that holds encounters, empty if there is none; a column without values is none."""
    by_name: dict[str, str] = {}
    for name in columns:
        by_name.setdefault(_letters(name), name)
    for known in ENCOUNTER_COLUMNS:
        name = by_name.get(_letters(known), "")
        if name and any(encounter_values(columns[name])):
            return name
    return ""


def _letters(name: str) -> str:
    """Return the letters and digits of a header in lower case, since ``Event ID`` and ``event_id`` mean the same."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _without_words(cells: Sequence[Any]) -> list[Any]:
    """Return cells with empty text for words such as ``NA``, and names of groups written in one way."""
    cleaned = [identity_name(cell) if isinstance(cell, str) else cell for cell in cells]
    return ["" if isinstance(cell, str) and is_word(cell) else cell for cell in cleaned]


def _given(column: Callable[[str], list[Any]], kind: str, asked: ImageSet | None) -> Given | None:
    part, cluster = [str(value) for value in text(column("split"))], encounter_values(column("cluster_id"))
    mask = np.empty(len(part), dtype=object)
    for row, cell in enumerate(column("segmentation")):  # one by one: numpy would make a matrix of equal polygons
        mask[row] = cell if has_mask(cell) else None
    masked = any(cell is not None for cell in mask)
    if not kind and asked is None and not any(part) and not any(cluster) and not masked:
        return None
    given = np.array(part, dtype=object), np.array(cluster, dtype=object)
    return Given(*given, kind, asked, mask if masked else None)


def _whole(values: list[Any]) -> list[Any]:
    """Turn 12.0 back into 12: pandas makes whole numbers floats if a value of the column is missing."""
    present = [value for value in values if not is_missing(value)]
    if present and all(isinstance(value, float) and value.is_integer() for value in present):
        return [None if is_missing(value) else int(value) for value in values]
    return values
