"""Read and write CSV files: all tables of reidbench and of its users.

A reader accepts what people and programs write: a byte-order mark, commas, semicolons or tabs between cells, blanks
around column names, and blank rows. It refuses what could shift a value into another column, and names file and row.
Cells stay text: "007" and "NA" are read as written.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.files import write_text
from reidbench.untrusted.reading import read_regular
from reidbench.untrusted.text import safe_cell, unmarked_cell

csv.field_size_limit(2**31 - 1)  # a mask in a cell can be longer than the default of 131,072 characters

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)  # first line, which spreadsheets write


@dataclass(frozen=True, slots=True, eq=False)
class CsvTable:
    """The content of a CSV file as text.

    Attributes:
        path: The file.
        what: Content of the file in messages, such as ``predictions``.
        columns: Cells of each column, in the order of the file.
        rows: The row of the file where each record starts, counted from 1; the header is row 1. A record with line
            ends inside a cell takes several rows.
    """

    path: Path
    what: str
    columns: Mapping[str, Sequence[str]]
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Sequence[str]:
        """Return the cells of a column; empty cells if the file does not have it."""
        return self.columns[name] if name in self.columns else [""] * len(self)

    def unmarked(self) -> CsvTable:
        """Return the table without the marks of cells that a spreadsheet would compute."""
        columns = {name: [unmarked_cell(cell) for cell in cells] for name, cells in self.columns.items()}
        return replace(self, columns=columns)

    def where(self, index: int) -> str:
        """Return file and row of a record, such as ``metadata.csv, row 14``.

        Args:
            index: Place of the record, counted from 0.
        """
        return f"{self.path}, row {self.rows[index]}"

    def require(self, *names: str, remedy: str = "") -> None:
        """Check that the file has some columns.

        Args:
            names: The columns.
            remedy: Instruction for the user; by default to add the columns.

        Raises:
            ReidbenchError: A column is missing.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise ReidbenchError(
                f"no column {' and no column '.join(missing)} in the {self.what}; "
                f"columns of the file: {', '.join(self.columns) or 'none'}",
                where=str(self.path),
                remedy=remedy or f"the first row needs {','.join(names)}",
            )


def read_csv(path: Path, what: str = "table", *, remedy: str = "") -> CsvTable:
    """Read a CSV file in UTF-8.

    The separator is the one of comma, semicolon and tab that gives the header most cells, or the one in a first line
    such as ``sep=;``, which is read over. A column without a name is
    left out if it is empty, or if it is the first, which is the index that pandas writes.

    Args:
        path: The file.
        what: Content of the file in messages, such as ``predictions``.
        remedy: Instruction for the user in every error; by default one that fits the error.

    Raises:
        ReidbenchError: The file can't be read, is empty or not UTF-8; a column has no name or the name of another; a
            row has more or fewer cells than the header, or its quotation marks are wrong. Names file and row.
    """

    def refuse(reason: str, row: int | None, cure: str) -> ReidbenchError:
        where = str(path) if row is None else f"{path}, row {row}"
        return ReidbenchError(f"the {what} can't be read: {reason}", where=where, remedy=remedy or cure)

    try:
        content = read_regular(path)
    except OSError as error:
        raise refuse(error.strerror or str(error), None, "name a CSV file that can be read") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise refuse("the file is not in UTF-8", row, "save the table as CSV in UTF-8") from error
    if "\0" in text:  # such as UTF-16 without a mark
        raise refuse("the file contains zero bytes", None, "save the table as CSV in UTF-8")
    hint = _SEP_LINE.match(text)
    if hint is not None and hint[1] not in _SEPARATORS:
        cure = "separate the cells by commas, semicolons or tabs, and remove this line"
        raise refuse(f"the first line names the separator '{hint[1]}'", 1, cure)
    lines = io.StringIO(text, newline="")
    header: list[str] | None = None
    header_row = 1
    records: list[list[str]] = []
    rows: list[int] = []
    row = first_row = 1
    if hint is not None:
        lines.seek(hint.end())
        row = first_row = 2
    try:
        separator = hint[1] if hint else max(_SEPARATORS, key=lambda each: len(_header(text, each)))
        reader = csv.reader(lines, delimiter=separator, strict=True)
        for cells in reader:
            if header is None:
                if _names_columns(cells):
                    header, header_row = [name.strip() for name in cells], row
                    repeated = [name for name, count in Counter(header).items() if name and count > 1]
                    if repeated:
                        raise refuse(f"several columns are called {', '.join(repeated)}", row, "keep one of them")
            elif any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    raise refuse(*_other_length(cells, header, header_row, separator, row))
                records.append(cells)
                rows.append(row)
            row = reader.line_num + first_row
    except csv.Error as error:
        raise refuse(f"{error}", row, "write a quotation mark inside a cell twice, and close each cell") from error
    if header is None:
        raise refuse("the file is empty", None, "name the columns in the first row")
    columns: dict[str, Sequence[str]] = {}
    for place, name in enumerate(header):
        column = tuple(record[place] for record in records)
        if name:
            columns[name] = column
        elif place and any(cell.strip() for cell in column):
            if sum(map(bool, header)) == 1:  # such as a title with the separators of the other rows
                raise refuse(*_no_header(header, header_row))
            raise refuse(f"column {place + 1} has no name", header_row, f"name column {place + 1}, or remove it")
    return CsvTable(path, what, columns, tuple(rows))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]], *, safe: bool = False) -> str:
    r"""Return a table as CSV with commas, a header and the line end ``\n``; ``None`` is an empty cell.

    Args:
        columns: The header.
        rows: The cells of each row.
        safe: Mark cells that a spreadsheet would compute, by :func:`reidbench.untrusted.text.safe_cell`. For tables
            that people open.

    Raises:
        ValueError: A row has more or fewer cells than there are columns.

    Example:
        >>> csv_text(("image_id", "score"), [("a,b", 0.5), ("c", None)])
        'image_id,score\n"a,b",0.5\nc,\n'
    """
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")  # only then are cells quoted that contain a lone \r
    writer.writerow(columns)
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a row has {len(row)} cells for {len(columns)} columns")
        writer.writerow(map(safe_cell, row) if safe else row)
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines.written)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV in UTF-8, whole or not at all.

    Raises:
        OSError: The file can't be written. An earlier file is unchanged.
    """
    write_text(path, csv_text(columns, rows))


def _other_length(
    cells: Sequence[str], header: Sequence[str], header_row: int, separator: str, row: int
) -> tuple[str, int, str]:
    """Return what is wrong with a row whose length differs from the header, the row to name, and what to do."""
    quote = f"put quotation marks around a cell that contains {_SEPARATORS[separator]}"
    named = sum(map(bool, header))
    if len(cells) > len(header) and (named == 1 and " " in header[0] or named <= 2 and header[0].startswith("#")):
        reason, place, cure = _no_header(header, header_row)
        return reason, place, f"{cure}, or {quote}"
    counts = f"the row has {len(cells)} cell{'s' * (len(cells) != 1)}, the header {len(header)}"
    if len(cells) < len(header):
        return counts, row, f"write {_SEPARATORS[separator]} for each cell that is empty, also at the end of the row"
    return counts, row, quote


def _no_header(header: Sequence[str], row: int) -> tuple[str, int, str]:
    text = ", ".join(filter(None, header))
    kind = "a comment" if text.startswith("#") else "a title"
    return (
        f"row {row} has '{text}', which seems to be {kind} and not the names of the columns",
        row,
        "remove the rows above the names of the columns",
    )


def _header(text: str, separator: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return next(filter(_names_columns, rows), [])


def _names_columns(cells: Sequence[str]) -> bool:
    """Tell whether a first row has column names, not only blanks and separators of any kind."""
    return any(cell.strip(" ,;\t\r\n") for cell in cells)


class _Lines:
    """Collects the rows of a CSV writer, each with its line end."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        self.written.append(line)
