"""What the page's template is given: values that are ready to print, and nothing that computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reidbench.reporting.error_gallery import ErrorPictures
from reidbench.reporting.leaderboard_table import Cell
from reidbench.reporting.small_tables import Sheet


@dataclass(frozen=True, slots=True, eq=False)
class GroupView:
    """One group's plots of one method."""

    name: str
    thresholds: Markup
    histogram: Markup
    facts: str


@dataclass(frozen=True, slots=True, eq=False)
class MethodView:
    """Everything that is shown of one leaderboard row apart from the comparison with others."""

    key: str
    label: str
    swatch: Markup
    shown_run: str
    facts: Sequence[tuple[str, str]]
    groups: Sequence[GroupView]
    reliability: Markup | None
    reliability_note: str
    ece: str
    history: Sequence[tuple[str, Markup]]
    errors: Sequence[ErrorPictures]
    errors_note: str


@dataclass(frozen=True, slots=True, eq=False)
class TableView:
    """A small table: headings, and rows that begin with the method."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[tuple[str, Markup, str, Sequence[str]]]
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LeaderboardView:
    """One dataset's table where nothing else is shown."""

    anchor: str
    name: str
    title: str
    notes: Sequence[str]
    headings: Sequence[tuple[str, bool]]
    rows: Sequence[tuple[str, Markup, Sequence[Cell]]]


@dataclass(frozen=True, slots=True, eq=False)
class BoardView:
    """One dataset's part of the page.

    ``one_of_several`` says that curves show one run of a row that has more, of which ``most_others`` are drawn thinly.
    """

    anchor: str
    name: str
    title: str
    notes: Sequence[str]
    headings: Sequence[tuple[str, bool]]
    rows: Sequence[tuple[str, Markup, Sequence[Cell]]]
    sheets: Sequence[Sheet]
    one_of_several: bool
    most_others: int
    legend: Sequence[tuple[str, Markup, str]]
    metric: str
    cost_chart: Markup
    open_set: Markup
    ranks: Markup
    identification: TableView
    groups: Sequence[TableView]
    costs: TableView
    cost_lines: Markup
    spread: str
    sizes: Sequence[tuple[Markup, str]]
    methods: Sequence[MethodView]
