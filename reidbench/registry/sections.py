"""Sections that plugins add to the page: text, tables and pictures, never markup.

Texts and cells are escaped by the template, and a picture is shown through an ``<img>`` that carries its bytes, in
which an SVG can neither run script nor load anything. So a section can't break the page or reach outside.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from reidbench.records.run_record import RunRecord

MOST_BYTES = 4_000_000
"""Bytes of one picture, at most: a page is one file."""


@dataclass(frozen=True, slots=True)
class SectionTable:
    """A table: its headings and rows of text; the first ``n_names`` columns are names, the others numbers."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    n_names: int = 1

    def __post_init__(self) -> None:
        # Plain text: a string that calls itself markup would pass the template unescaped.
        object.__setattr__(self, "headings", tuple(map(str, self.headings)))
        object.__setattr__(self, "rows", tuple(tuple(map(str, row)) for row in self.rows))
        object.__setattr__(self, "caption", str(self.caption))
        for row in self.rows:
            if len(row) != len(self.headings):
                raise ValueError(f"a row has {len(row)} cells for {len(self.headings)} headings")


@dataclass(frozen=True, slots=True)
class SectionPicture:
    """A picture: its bytes, their kind, what it shows for those who can't see it, and a caption."""

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
    """How a plugin offers a section of the report.

    Attributes:
        title: Its heading.
        make: Called with the runs on the page; returns its blocks in order, each a paragraph of text, a
            :class:`SectionTable` or a :class:`SectionPicture`. No block, no section. Equal runs have to give equal
            blocks.
    """

    title: str
    make: Callable[[Sequence[RunRecord]], Iterable[Block]]

    @property
    def name(self) -> str:
        """What sections are sorted by."""
        return self.title

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a section has a title")


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section as the template takes it; ``failure`` says why it could not be made."""

    title: str
    blocks: tuple[Block, ...]
    failure: str = ""


def section_view(spec: SectionSpec, distribution: str, runs: Sequence[RunRecord]) -> SectionView | None:
    """Make one section; whatever it raises or returns in error costs only itself. ``None`` for an empty one."""
    try:
        blocks = tuple(_checked(block) for block in spec.make(tuple(runs)))
    except Exception as error:  # a stranger's code
        said = f"This section of {distribution} could not be made: {type(error).__name__}: {error}"
        return SectionView(str(spec.title), (), said)
    return SectionView(str(spec.title), blocks) if blocks else None


def _checked(block: object) -> Block:
    """Return a block, text without any claim to be markup."""
    if isinstance(block, str):
        return str(block)
    if isinstance(block, SectionTable | SectionPicture):
        return block
    raise TypeError(f"a block is text, a SectionTable or a SectionPicture, not {type(block).__name__}")
