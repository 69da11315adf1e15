"""The checks of a table of images, which name the file and the row of the first problem.

:class:`reidbench.data.images.ImageSet` calls :func:`checked_table` once, so that no later code has to check again.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reidbench.constants import NEW_IDENTITY
from reidbench.data.image_files import near_path
from reidbench.data.names import describe_words, identity_name, is_new
from reidbench.errors import ReidbenchError

TEXT_COLUMNS = ("image_id", "identity", "path", "group", "date", "orientation")
COLUMNS = (*TEXT_COLUMNS, "bbox")
ENCOUNTER = "encounter"
"""Optional column of the table."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2})?")
_SHOWN = 5  # examples in a message


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The file and rows that images were read from, so that an error can name them.

    Attributes:
        file: The file, empty if there is none.
        rows: Row of each image in the file, ``(n,)``, counted from 1; in a CSV the header is row 1. ``None`` if the
            images come from no table.
    """

    file: str = ""
    rows: NDArray[np.int64] | None = None

    def at(self, index: int) -> str:
        """Return ``"metadata.csv, row 14"`` for the row at ``index`` of the table."""
        row = f"row {int(self.rows[index])}" if self.rows is not None else f"row {index + 1} of the table"
        return f"{self.file}, {row}" if self.file else row

    def take(self, indices: NDArray[np.int64]) -> Origin:
        """Return the origin of some of the images, in that order."""
        return Origin(self.file, None if self.rows is None else self.rows[indices])


def checked_table(
    table: pd.DataFrame,
    *,
    name: str,
    root: Path,
    origin: Origin,
    set_aside: int,
    set_aside_words: Mapping[str, int],
) -> pd.DataFrame:
    """Return a table of images with identities and encounter values in one spelling, after all checks.

    Args:
        table: The columns of :data:`COLUMNS`, and optionally :data:`ENCOUNTER`. It is not changed.
        name: Name of the set, for errors.
        root: Folder that relative paths start from.
        origin: File and rows that errors name.
        set_aside: Number of rows that the source left out, for errors.
        set_aside_words: Number of these rows for each word in their identity, for errors.

    Raises:
        ReidbenchError: A column is missing, an image id is repeated, a file is missing, and so on.
    """
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise ReidbenchError(
            f"the table of images lacks {', '.join(missing)}; it has {', '.join(map(str, table.columns))}",
            where=origin.file,
            remedy="reidbench.load_dataset fills in the optional columns",
        )
    # Object columns keep each value as it is: a text column of pandas would hide a number among the texts.
    plain = {column: table[column].to_numpy(dtype=object, copy=True) for column in COLUMNS}
    encounter = table[ENCOUNTER].tolist() if ENCOUNTER in table.columns else [""] * len(table)
    plain[ENCOUNTER] = np.array(encounter, dtype=object)
    boxes = plain["bbox"]
    for index, box in enumerate(boxes):  # pandas writes a missing box in many ways
        if box is pd.NA or (isinstance(box, float) and math.isnan(box)):
            boxes[index] = None
    for column in ("identity", ENCOUNTER):
        values = plain[column]
        for index, value in enumerate(values):
            if isinstance(value, str):
                values[index] = identity_name(value)
    checked = pd.DataFrame({column: pd.Series(values, dtype=object) for column, values in plain.items()})
    _Checks(checked, name, root, origin, set_aside, set_aside_words).run()
    return checked


@dataclass(frozen=True, slots=True, eq=False)
class _Checks:
    """The checks of one table, in the order in which problems are raised."""

    table: pd.DataFrame
    name: str
    root: Path
    origin: Origin
    set_aside: int
    set_aside_words: Mapping[str, int]

    def run(self) -> None:
        """Make all checks; the first problem is raised."""
        self._check_filled()
        self._check_text()
        self._check_identities()
        self._check_ids()
        self._check_dates()
        self._check_boxes()
        self._check_files()

    def _fail(self, message: str, index: int, remedy: str) -> ReidbenchError:
        return ReidbenchError(message, where=self.origin.at(index), remedy=remedy)

    def _check_filled(self) -> None:
        if not len(self.table):
            aside = f"; {self.set_aside} rows without an identity were set aside" if self.set_aside else ""
            if self.set_aside_words:
                aside += f" ({describe_words(self.set_aside_words)})"
            raise ReidbenchError(
                f"'{self.name}' holds no image with an identity{aside}",
                where=self.origin.file,
                remedy="give at least some rows an identity; --name WORD tells that a word is the name of an animal",
            )

    def _check_text(self) -> None:
        for column in (*TEXT_COLUMNS, ENCOUNTER):
            values = self.table[column]
            wrong = [index for index, value in enumerate(values) if not isinstance(value, str)]
            if not wrong:
                continue
            kinds = sorted({type(value).__name__ for value in values})
            first = values.iloc[wrong[0]]
            mixed = f"mixes {' and '.join(kinds)}" if len(kinds) > 1 else f"holds {kinds[0]}, not text"
            raise self._fail(
                f"column '{column}' {mixed}: {first!r} ({type(first).__name__})",
                wrong[0],
                f"store every {column} as text",
            )
        for column in ("path", "image_id", "identity", "group"):  # without a column image_id, the path is the id
            empty = np.flatnonzero([not value.strip() for value in self.table[column]])
            if len(empty):
                rows = "1 row has" if len(empty) == 1 else f"{len(empty)} rows have"
                raise self._fail(
                    f"{rows} an empty {column}",
                    int(empty[0]),
                    f"fill in the column {column} of every row, or leave such rows out",
                )

    def _check_identities(self) -> None:
        identity, group = self.table["identity"], self.table["group"]
        reserved = np.flatnonzero([is_new(name) for name in identity])
        if len(reserved):
            name = identity.iloc[reserved[0]]
            spelled = "" if name == NEW_IDENTITY else f" (written '{name}')"
            raise self._fail(
                f"an identity is called '{NEW_IDENTITY}'{spelled}, which is the prediction for an unknown animal",
                int(reserved[0]),
                "give the animal another name, or leave the identity empty if it is not known",
            )
        first: dict[str, str] = {}
        for index, (name, mine) in enumerate(zip(identity, group, strict=True)):
            other = first.setdefault(name, mine)
            if other != mine:
                raise self._fail(
                    f"identity '{name}' is in two groups, '{other}' and '{mine}'",
                    index,
                    f"an identity belongs to one group: write the group before the name, '{other}_{name}' and "
                    f"'{mine}_{name}'",
                )

    def _check_ids(self) -> None:
        repeated = np.flatnonzero(self.table["image_id"].duplicated().to_numpy())
        if len(repeated):
            index = int(repeated[0])
            image_id = self.table["image_id"].iloc[index]
            before = int(np.flatnonzero(self.table["image_id"].to_numpy() == image_id)[0])
            # A source without ids uses the paths as ids, and its user knows no ids.
            is_path = image_id == self.table["path"].iloc[index]
            column, an_id = ("path", "a path") if is_path else ("image_id", "an id")
            first = f", first at {self.origin.at(before)}" if self.origin.rows is not None else ""
            more = f"; {len(repeated)} rows repeat {an_id}" if len(repeated) > 1 else ""
            raise self._fail(
                f"{column} '{image_id}' is used twice{first}{more}",
                index,
                "keep one row of each photograph; if it shows several animals, add a column image_id with another id "
                "in each row, and a column bbox with the box of each animal"
                if is_path
                else "give each image another id, or remove the column image_id: the path is then the id",
            )

    def _check_dates(self) -> None:
        dates = self.table["date"]
        days = {date: _is_date(date) for date in set(dates)}
        wrong = [index for index, date in enumerate(dates) if not days[date]]
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            raise self._fail(
                f"date '{dates.iloc[wrong[0]]}' cannot be read{more}",
                wrong[0],
                "write dates as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, year first, or leave them empty",
            )

    def _check_boxes(self) -> None:
        for index, box in enumerate(self.table["bbox"]):
            if box is not None and not _is_box(box):
                raise self._fail(
                    f"bbox {box!r} is not a box",
                    index,
                    "write bbox as [x, y, width, height] in pixels, width and height above 0, or leave it empty",
                )

    def _check_files(self) -> None:
        missing = [
            index for index in range(len(self.table)) if not (self.root / str(self.table["path"].iloc[index])).is_file()
        ]
        if missing:
            shown = ", ".join(str(self.table["path"].iloc[index]) for index in missing[:_SHOWN])
            more = ", …" if len(missing) > _SHOWN else ""
            near = near_path(str(self.table["path"].iloc[missing[0]]), self.root)
            raise self._fail(
                f"{len(missing)} of {len(self.table)} image files are missing: {shown}{more}",
                missing[0],
                f"write the path as the file is called: '{near}'"
                if near
                else f"relative paths start from {self.root}; name another folder with --root",
            )


def _is_date(text: str) -> bool:
    if not text:
        return True
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_box(box: Any) -> bool:
    if not isinstance(box, tuple) or len(box) != 4:
        return False
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in box):
        return False
    return bool(box[2] > 0 and box[3] > 0)
