"""Blocks of a page: what a panel is made of. Each type is drawn by the macro of its name in ``blocks.html.j2``.

A panel returns blocks in order: plain text, tables and pictures as a plugin's section does (:mod:`registry.sections`),
and the richer types below. A new type needs a class here and a macro of the same name there, and nothing else.

Texts are escaped when they are drawn. A plot is :class:`~markupsafe.Markup` from :mod:`reidbench.reporting.svg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from reidbench.registry.sections import SectionPicture, SectionTable
from reidbench.reporting.leaderboard_table import LeaderboardCell
from reidbench.reporting.photographs import Thumbnail
from reidbench.reporting.small_tables import SmallTable


class PageBlock:
    """Base of the block types that plugins can't make."""


Block = str | SectionTable | SectionPicture | PageBlock
"""A block of a panel; text is a paragraph."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A part of the page under a heading of the second level.

    Attributes:
        title: Its heading.
        blocks: What it holds, in order.
        anchor: Its id. A section with an anchor is linked at the top of the page.
        heading: Id of its heading; by default made from the anchor.
        kind: ``board`` for a section whose rows the page's filter hides.
    """

    title: str
    blocks: Sequence[Block]
    anchor: str = ""
    heading: str = ""
    kind: Literal["", "board"] = ""

    @property
    def heading_id(self) -> str:
        """Id of the heading."""
        return self.heading or f"{self.anchor}-title"


@dataclass(frozen=True, slots=True, eq=False)
class Heading(PageBlock):
    """A heading inside a section, with a remark in smaller type behind it."""

    text: str
    level: Literal[3, 4, 5] = 3
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Remark(PageBlock):
    """A paragraph in smaller type, for what explains the blocks around it."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Notes(PageBlock):
    """A list of remarks."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Facts(PageBlock):
    """Names with their values."""

    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class References(PageBlock):
    """A list of sources: name, text, and licence (empty if unknown)."""

    sources: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class RowName:
    """How a leaderboard row is shown: the key by which the filter hides it, its line and marker, its label."""

    key: str
    swatch: Markup
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Legend(PageBlock):
    """Line, marker and name of each row that plots show."""

    rows: Sequence[RowName]


@dataclass(frozen=True, slots=True, eq=False)
class ColourKey(PageBlock):
    """The colours of plots that show one row: the class of each in ``report.css``, and its meaning."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class RowTable(PageBlock):
    """A small table with one line of numbers for each leaderboard row; the filter hides lines."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[tuple[RowName, Sequence[str]]]
    note: str = ""

    def __post_init__(self) -> None:
        for name, cells in self.rows:
            if len(cells) != len(self.headings):
                raise ValueError(f"{name.label} has {len(cells)} cells for {len(self.headings)} headings")


@dataclass(frozen=True, slots=True, eq=False)
class Leaderboard(PageBlock):
    """The table of a leaderboard, sortable and with a field that filters its rows.

    Attributes:
        name: Name of the dataset.
        headings: Each heading with whether its column holds numbers.
        rows: Name and cells of each row, best first.
        linked: Whether methods link to the panel that has the row's key as its anchor.
    """

    name: str
    headings: Sequence[tuple[str, bool]]
    rows: Sequence[tuple[RowName, Sequence[LeaderboardCell]]]
    linked: bool


@dataclass(frozen=True, slots=True, eq=False)
class Figure(PageBlock):
    """One or more plots with a caption; ``name`` is printed in bold before it. ``wide`` gives it a line of its own."""

    plots: Sequence[Markup]
    caption: str
    name: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Grid(PageBlock):
    """Blocks next to each other, as many in a line as the window has room for.

    Attributes:
        blocks: One cell each.
        cells: ``tables`` for cells as wide as their tables, ``groups`` for small figures.
    """

    blocks: Sequence[Block]
    cells: Literal["", "tables", "groups"] = ""


@dataclass(frozen=True, slots=True, eq=False)
class Foldable(PageBlock):
    """Blocks of one leaderboard row that a click on its name opens and closes."""

    row: RowName
    blocks: Sequence[Block]
    is_open: bool


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One photograph of a card.

    Attributes:
        thumbnail: The picture; ``None`` if there is none.
        description: What it shows, for readers who can't see it.
        lines: Caption.
        bold: Which line is bold, from 0.
    """

    thumbnail: Thumbnail | None
    description: str
    lines: Sequence[str]
    bold: int


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """Photographs next to each other, a figure below them, and a text."""

    photographs: Sequence[Photograph]
    text: str
    figure: Figure | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cards(PageBlock):
    """A gallery of photographs as cards. If none has a picture, no space is kept for pictures."""

    cards: Sequence[Card]

    @property
    def pictured(self) -> bool:
        """Whether any photograph has a picture."""
        return any(each.thumbnail for card in self.cards for each in card.photographs)


def table_blocks(table: SmallTable, *, captioned: bool) -> list[Block]:
    """Return a small table and its notes as blocks; not captioned if its title is the heading above it."""
    block = SectionTable(table.headings, table.rows, table.title if captioned else "", table.n_names)
    return [block, *([Notes(table.notes)] if table.notes else [])]
