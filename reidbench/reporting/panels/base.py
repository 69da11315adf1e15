"""Panels and the data that they are made from.

A panel of our own report has the shape of a plugin's section (:class:`reidbench.registry.sections.SectionSpec`): a
title, and a function that makes blocks from runs. A panel without a block is not shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from reidbench.leaderboard.ranking import LeaderboardRow
from reidbench.metrics.expected_cost import ErrorCosts
from reidbench.records.failures import FailedRun
from reidbench.records.finding import UnreadableRun
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Registry
from reidbench.reporting import charts
from reidbench.reporting.blocks import Block, Heading, Legend, RowName, RowTable, Section, table_blocks
from reidbench.reporting.charts import Series
from reidbench.reporting.error_cards import ErrorCards
from reidbench.reporting.small_tables import SmallTable

MOST_OTHERS = 9
"""Most runs of a row that are drawn as thin lines, in addition to its first run."""


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Options of the page.

    Attributes:
        title: Heading of the page.
        unknown_rate: Share of queries of unknown animals for the expected costs, in [0, 1].
        costs: The cost of each kind of error.
        errors: Most errors of each kind and method to show; by default it depends on the number of methods.
    """

    title: str = "reidbench report"
    unknown_rate: float = 0.3
    costs: ErrorCosts = field(default_factory=ErrorCosts)
    errors: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """The leaderboard of one dataset, with the run that represents each row.

    Attributes:
        index: Place of the dataset on the page, from 0.
        rows: Rows of the leaderboard, best first; a row averages over its splits and seeds.
        series: Each row as plots show it: its colour, its label, and the curves of its first split and seed.
        options: Options of the page.
        errors: Makes the cards of errors.
    """

    index: int
    rows: Sequence[LeaderboardRow]
    series: Sequence[Series]
    options: PageOptions
    errors: ErrorCards

    @property
    def metric(self) -> str:
        """The metric that ranks the rows."""
        return self.rows[0].ranked_by

    @property
    def names(self) -> list[RowName]:
        """How each row is shown."""
        return [RowName(each.key, charts.swatch(each.index), each.label) for each in self.series]

    @property
    def legend(self) -> Legend:
        """The rows with their colours, for a panel with plots of all rows."""
        return Legend(self.names)

    def table(self, caption: str, headings: Sequence[str], cells: Iterable[Sequence[str]], note: str = "") -> RowTable:
        """Return a small table with one line of cells for each row, in the order of the leaderboard."""
        return RowTable(caption, headings, list(zip(self.names, cells, strict=True)), note)


def row_key(index: int, place: int) -> str:
    """Return the key of a row on the page: the anchor of its panel and the key for the filter."""
    return f"b{index}r{place}"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The data of a page.

    Attributes:
        rows: Leaderboard rows of all datasets.
        records: Runs of these rows.
        registry: Sections of plugins and sources of methods.
        failures: Failed runs.
        unreadable: Run folders whose records can't be read.
    """

    rows: Sequence[LeaderboardRow]
    records: Sequence[RunRecord]
    registry: Registry
    failures: Sequence[FailedRun] = ()
    unreadable: Sequence[UnreadableRun] = ()


@dataclass(frozen=True, slots=True)
class DatasetPanel:
    """A panel that each dataset of the page has.

    Attributes:
        title: Its heading; made from the board if it names the metric.
        make: Returns its blocks in order. No block, no panel. Equal runs have to give equal blocks.
    """

    title: str | Callable[[Board], str]
    make: Callable[[Board], Iterable[Block]]

    def blocks(self, board: Board) -> list[Block]:
        """Return heading and blocks for one dataset; empty if the panel is not shown."""
        blocks = list(self.make(board))
        title = self.title if isinstance(self.title, str) else self.title(board)
        return [Heading(title), *blocks] if blocks else []


@dataclass(frozen=True, slots=True)
class PagePanel:
    """A panel that the page has once, below all datasets.

    Attributes:
        make: Returns its sections in order, often one. No section, no panel.
        prefix: Ids of its headings are this text and a number; a section with an anchor needs no such id.
    """

    make: Callable[[Report], Iterable[Section]]
    prefix: str = "sheet"


def table_sections(tables: Iterable[SmallTable]) -> list[Section]:
    """Return each small table as a section under its title."""
    return [Section(table.title, table_blocks(table, captioned=False)) for table in tables]


def page_sections(report: Report, panels: Iterable[PagePanel]) -> list[Section]:
    """Return the sections of page panels in order, each with an id of its heading."""
    made: list[Section] = []
    numbers: Counter[str] = Counter()
    for panel in panels:
        for section in panel.make(report):
            numbers[panel.prefix] += not section.anchor
            heading = "" if section.anchor else f"{panel.prefix}-{numbers[panel.prefix]}"
            made.append(replace(section, heading=heading))
    return made
