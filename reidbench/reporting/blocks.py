"""The block types of a page. A panel returns blocks in order; the template draws each one.

A panel can use the blocks of a plugin's section (text, table and picture, :mod:`reidbench.registry.sections`) and the
types below. To add a type, write a class here and a macro of the same name in ``templates/blocks.html.j2``.

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
    """Base of the block types that are not available to plugins."""


Block = str | SectionTable | SectionPicture | PageBlock
"""A block of a panel; text is a paragraph."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A part of the page with its heading.

    Attributes:
        title: Its heading.
        blocks: Its blocks, in order.
        anchor: Its id. A section with an anchor is linked at the top of the page.
        heading: Id of its heading; by default made from the anchor.
        kind: ``board`` for the section of a dataset, which has a filter.
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
    """A heading inside a section, with an optional remark in smaller type after it."""

    text: str
    level: Literal[3, 4, 5] = 3
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Remark(PageBlock):
    """A paragraph in smaller type that explains other blocks."""

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
    """A leaderboard row as the page shows it: key for the filter, line with marker, label."""

    key: str
    swatch: Markup
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Legend(PageBlock):
    """Line, marker and name of each row that plots show."""

    rows: Sequence[RowName]


@dataclass(frozen=True, slots=True, eq=False)
class ColourKey(PageBlock):
    """The colours of plots of one row: the class of each colour in ``report.css``, and its meaning."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class RowTable(PageBlock):
    """A small table with one line of numbers for each leaderboard row."""

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
    """The table of a leaderboard, sortable and with a filter.

    Attributes:
        name: Name of the dataset.
        headings: Each heading with whether its column holds numbers.
        rows: Name and cells of each row, best first.
        linked: Whether the name of a row links to the block with the row's key as its anchor.
    """

    name: str
    headings: Sequence[tuple[str, bool]]
    rows: Sequence[tuple[RowName, Sequence[LeaderboardCell]]]
    linked: bool


@dataclass(frozen=True, slots=True, eq=False)
class Figure(PageBlock):
    """One or more plots with a caption. ``name`` is printed in bold before the caption; ``wide`` is for large plots."""

    plots: Sequence[Markup]
    caption: str
    name: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Grid(PageBlock):
    """Blocks next to each other, as many in a line as fit the window.

    Attributes:
        blocks: The cells, one block each.
        cells: Width of the cells: ``tables`` fits tables, ``groups`` fits small figures.
    """

    blocks: Sequence[Block]
    cells: Literal["", "tables", "groups"] = ""


@dataclass(frozen=True, slots=True, eq=False)
class Foldable(PageBlock):
    """Blocks of one leaderboard row under its name; a click on the name shows or hides them."""

    row: RowName
    blocks: Sequence[Block]
    is_open: bool


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One photograph of a card.

    Attributes:
        thumbnail: The picture; ``None`` if it is missing.
        description: Content of the picture for readers who can't see it.
        lines: Lines of the caption.
        bold: Index of the bold line, from 0.
    """

    thumbnail: Thumbnail | None
    description: str
    lines: Sequence[str]
    bold: int


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """Photographs next to each other, with a figure and a text below them."""

    photographs: Sequence[Photograph]
    text: str
    figure: Figure | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cards(PageBlock):
    """Photographs on cards. If no card has a picture, no space is reserved for pictures."""

    cards: Sequence[Card]

    @property
    def pictured(self) -> bool:
        """Whether a photograph has a picture."""
        return any(each.thumbnail for card in self.cards for each in card.photographs)


def table_blocks(table: SmallTable, *, captioned: bool) -> list[Block]:
    """Return a small table and its notes as blocks; without a caption if the heading above is its title."""
    block = SectionTable(table.headings, table.rows, table.title if captioned else "", table.n_names)
    return [block, *([Notes(table.notes)] if table.notes else [])]
