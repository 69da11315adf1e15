"""Sections of the report that plugins offer: text, tables and pictures, never markup.

The template escapes texts and cells. A picture is embedded in an ``<img>`` element, in which an SVG can't run a script
or load anything. A section therefore can't break the page or use the network.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from reidbench.records.run_record import RunRecord

MOST_BYTES = 4_000_000
"""Most bytes of one picture, because a page is one file."""


@dataclass(frozen=True, slots=True)
class SectionTable:
    """A table of text. The first ``n_names`` columns are names, the others numbers."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    n_names: int = 1

    def __post_init__(self) -> None:
        # Plain text, because the template would not escape a string of type Markup.
        object.__setattr__(self, "headings", tuple(map(str, self.headings)))
        object.__setattr__(self, "rows", tuple(tuple(map(str, row)) for row in self.rows))
        object.__setattr__(self, "caption", str(self.caption))
        for row in self.rows:
            if len(row) != len(self.headings):
                raise ValueError(f"a row has {len(row)} cells for {len(self.headings)} headings")


@dataclass(frozen=True, slots=True)
class SectionPicture:
    """A picture: its bytes and their kind, a description for readers who can't see it, and a caption."""

    data: bytes
    kind: Literal["png", "jpeg", "svg+xml"]
    description: str
    caption: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("png", "jpeg", "svg+xml"):
            raise ValueError(f"a picture is png, jpeg or svg+xml, not {self.kind!r}")
        if not isinstance(self.data, bytes) or not 0 < len(self.data) <= MOST_BYTES:
            raise ValueError(f"a picture is bytes, at least 1 and at most {MOST_BYTES}")
        object.__setattr__(self, "description", str(self.description))
        object.__setattr__(self, "caption", str(self.caption))

    @property
    def address(self) -> str:
        """The picture as a ``data:`` address."""
        return f"data:image/{self.kind};base64,{base64.b64encode(self.data).decode()}"


Block = str | SectionTable | SectionPicture


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """A section of the report that a plugin offers.

    Attributes:
        title: Its heading.
        make: Called with the runs on the page. Returns the blocks of the section in order: paragraphs of text,
            :class:`SectionTable` and :class:`SectionPicture` objects. A section without a block is not shown. Equal
            runs must give equal blocks.
    """

    title: str
    make: Callable[[Sequence[RunRecord]], Iterable[Block]]

    @property
    def name(self) -> str:
        """Name by which sections are sorted."""
        return self.title

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a section needs a title")


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section as the page shows it; ``failure`` is the reason if it could not be made."""

    title: str
    blocks: tuple[Block, ...]
    failure: str = ""


def section_view(spec: SectionSpec, distribution: str, runs: Sequence[RunRecord]) -> SectionView | None:
    """Make one section; an error in it is shown in its place. ``None`` for a section without blocks."""
    try:
        blocks = tuple(_checked(block) for block in spec.make(tuple(runs)))
    except Exception as error:  # the code of a plugin may raise anything
        failure = f"This section of {distribution} could not be made: {type(error).__name__}: {error}"
        return SectionView(str(spec.title), (), failure)
    return SectionView(str(spec.title), blocks) if blocks else None


def _checked(block: object) -> Block:
    """Return a block; text becomes plain text, so that the template escapes it."""
    if isinstance(block, str):
        return str(block)
    if isinstance(block, SectionTable | SectionPicture):
        return block
    raise TypeError(f"a block is text, a SectionTable or a SectionPicture, not {type(block).__name__}")
