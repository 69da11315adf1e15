"""The table that every command prints: columns aligned, fitted to the width of the terminal, nothing cut unseen.

A table that is too wide loses the columns that a command marks as optional, and a line below the table names them. If
it is still too wide, long cells continue on the next line. Cells are printed as they are: no name, path or other text
of a user is read as rich's markup or as the code of an emoji.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from reidbench.untrusted.text import visible

if TYPE_CHECKING:
    from reidbench.reporting.small_tables import SmallTable

WIDE = 120
"""Width of a terminal, in characters, from which a table has more space between its columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a :class:`Table`.

    Attributes:
        title: Its heading.
        number: Align it to the right.
        wraps: Continue a long cell on the next line. For sentences and for names without limit.
        optional: 0 for a column that is always shown. Of the others, the one with the highest number is left out first
            when the terminal is narrow.
        least: Characters of a line, for a column that wraps. An optional column is left out if it would make the
            lines shorter.
    """

    title: str
    number: bool = False
    wraps: bool = False
    optional: int = 0
    least: int = 12


@dataclass(slots=True)
class Table:
    """Rows below headings.

    Attributes:
        columns: Its columns.
        title: A line in bold above the table; empty for none.
        elsewhere: Where the columns are that a narrow terminal leaves out, as a sentence: ``--json prints them.``
    """

    columns: Sequence[Column]
    title: str = ""
    elsewhere: str = "A wider terminal shows them."
    _rows: list[tuple[list[Text], str]] = field(default_factory=list)

    def add(self, *cells: str | Text, style: str = "") -> None:
        """Add a row.

        Args:
            cells: The text of each column.
            style: Style of the row, such as ``bold`` or ``dim``.

        Raises:
            ValueError: There is not one cell for each column.
        """
        if len(cells) != len(self.columns):
            raise ValueError(f"a row has {len(cells)} cells for {len(self.columns)} columns")
        self._rows.append(([_visible_cell(cell) for cell in cells], style))

    def print(self, console: Console) -> None:
        """Print the title, the table, and a line that names the columns that were left out."""
        if self.title:
            console.print(Text(visible(self.title), style="bold"))
        shown = list(range(len(self.columns)))
        space = 2 if console.width >= WIDE or self._width(shown, space=2) <= console.width else 1
        while self._width(shown, space, narrow=True) > console.width:
            last = max(shown, key=lambda place: self.columns[place].optional)
            if not self.columns[last].optional:
                break
            shown.remove(last)
        console.print(self._drawn(shown, space, console.width))
        absent = [
            column.title.replace("-\n", "-").replace("\n", " ")
            for p, column in enumerate(self.columns)
            if p not in shown
        ]
        if absent:
            sentence = f"Not shown at a width of {console.width}: {', '.join(absent)}. {self.elsewhere}"
            console.print(Text(sentence, style="dim"))

    def _drawn(self, shown: Sequence[int], space: int, width: int) -> RichTable:
        # Rich cuts a cell that must not wrap if the table is too wide. So all columns wrap then.
        too_wide = self._width(shown, space, narrow=True) > width
        table = RichTable(box=box.SIMPLE_HEAD, padding=(0, space - 1, 0, 0), pad_edge=False)
        for place in shown:
            column = self.columns[place]
            table.add_column(
                Text(visible(column.title)),
                justify="right" if column.number else "left",
                overflow="fold",
                no_wrap=not (too_wide or column.wraps),
            )
        for cells, style in self._rows:
            table.add_row(*(cells[place] for place in shown), style=style or None)
        return table

    def _width(self, shown: Sequence[int], space: int, *, narrow: bool = False) -> int:
        """Return the width of the table in characters.

        Args:
            shown: The columns that it has.
            space: Characters between two columns.
            narrow: Count the columns that wrap at their least width.
        """
        return 1 + sum(self._width_of(place, narrow) + space for place in shown)

    def _width_of(self, place: int, narrow: bool) -> int:
        column = self.columns[place]
        texts = [Text(visible(column.title)), *(cells[place] for cells, _ in self._rows)]
        widest = max((line.cell_len for text in texts for line in text.split("\n", allow_blank=True)), default=0)
        return min(widest, column.least) if narrow and column.wraps else widest


def _visible_cell(cell: str | Text) -> Text:
    """Return a cell as it is printed, so that widths are those of what is shown."""
    if isinstance(cell, str):
        return Text(visible(cell))
    return cell if visible(cell.plain) == cell.plain else Text(visible(cell.plain), style=cell.style)


def print_small_table(table: SmallTable, console: Console) -> None:
    """Print a small table of :mod:`reidbench.reporting`, then its notes.

    On a narrow terminal, the sentence that ends each row of a table of prose is printed below its row.
    """
    if table.prose and console.width < WIDE:
        console.print(Text(table.title, style="bold"))
        for *named, sentence in table.rows:
            console.print(Padding(Text(visible(" · ".join(named))), (0, 0, 0, 1)))
            console.print(Padding(Text(visible(sentence)), (0, 0, 0, 4)))
        return
    printed = Table(
        [
            Column(heading, number=place >= table.n_names, wraps=place < table.n_names)
            for place, heading in enumerate(table.headings)
        ],
        title=table.title,
    )
    for row in table.rows:
        printed.add(*row)
    printed.print(console)
    for note in table.notes:
        console.print(note)
