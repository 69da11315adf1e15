"""The report: one HTML file of saved runs that loads no script, style or picture from another place.

Every text is escaped, and the page allows only its own script. A hostile identity or file name therefore stays text.
Equal runs give equal bytes, because the page holds no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reidbench.leaderboard.detection_intervals import with_detection_intervals
from reidbench.leaderboard.ranking import LeaderboardRow, boards
from reidbench.leaderboard.run_curves import RunCurves, curves_of
from reidbench.records.failures import FailedRun
from reidbench.records.finding import UnreadableRun
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Registry, load_registry
from reidbench.reporting.blocks import Block, Heading, Remark, Section
from reidbench.reporting.charts import Series
from reidbench.reporting.error_cards import ErrorCards
from reidbench.reporting.leaderboard_table import title_of
from reidbench.reporting.panels import DATASET_PANELS, PAGE_PANELS, citations
from reidbench.reporting.panels.base import (
    MOST_OTHERS,
    Board,
    PageOptions,
    PagePanel,
    Report,
    page_sections,
    row_key,
    table_sections,
)
from reidbench.reporting.panels.leaderboard import leaderboard_blocks
from reidbench.reporting.photographs import Photographs, without_photographs
from reidbench.reporting.small_tables import SmallTable
from reidbench.reporting.templating import write_page

__all__ = ["PageOptions", "write_leaderboard", "write_report"]

MOST_ERRORS = 6  # errors of each kind and method
PICTURED_ERRORS = 144  # errors of a page; with about 24 kB each they stay within the budget of pictures


def write_report(
    rows: Sequence[LeaderboardRow],
    options: PageOptions | None = None,
    photographs: Mapping[str, Photographs] | None = None,
    registry: Registry | None = None,
    failures: Sequence[FailedRun] = (),
    unreadable: Sequence[UnreadableRun] = (),
) -> str:
    """Return the report of a leaderboard.

    Args:
        rows: Leaderboard rows of one or several datasets.
        options: Options of the page.
        photographs: The images of each dataset, by its digest; by default errors are listed without pictures.
        registry: Sections of plugins and sources of methods; by default those of the installed plugins.
        failures: Failed runs; a table gives their reasons.
        unreadable: Run folders whose records can't be read; a table names them.

    Raises:
        ReidbenchError: The saved scores of a run can't be read.
    """
    options = options or PageOptions()
    rows = with_detection_intervals(rows)
    records = [run for row in rows for run in row.runs]
    photographs = photographs if photographs is not None else without_photographs(records)
    errors = ErrorCards(photographs, options.errors if options.errors is not None else _errors_each(len(rows)))
    datasets = []
    for index, of_dataset in enumerate(boards(rows)):
        board = _board(index, of_dataset, options, errors)
        blocks = [block for panel in DATASET_PANELS for block in panel.blocks(board)]
        datasets.append(_dataset_section(index, of_dataset, blocks))
    report = Report(rows, records, registry or load_registry(), failures, unreadable)
    return _page(options.title, datasets, report, PAGE_PANELS)


def write_leaderboard(
    rows: Sequence[LeaderboardRow], tables: Sequence[SmallTable] = (), title: str = "reidbench leaderboard"
) -> str:
    """Return a page with the leaderboard only, sortable and with a filter, and small tables below it."""
    datasets = [
        _dataset_section(index, board, [Heading("Leaderboard"), *leaderboard_blocks(index, board, linked=False)])
        for index, board in enumerate(boards(rows))
    ]
    records = [run for row in rows for run in row.runs]
    below = (PagePanel(lambda _: table_sections(tables)), citations.PANEL)
    return _page(title, datasets, Report(rows, records, load_registry()), below)


def _page(title: str, datasets: Sequence[Section], report: Report, panels: Sequence[PagePanel]) -> str:
    runs, sets = len(report.records), len(datasets)
    about = (
        f"{runs} {'run' if runs == 1 else 'runs'} on {sets} {'dataset' if sets == 1 else 'datasets'}. The score is "
        "√(BAKS · BAUS), averaged over groups. BAKS is the balanced accuracy on known animals, BAUS on unknown animals."
    )
    return write_page(title, about, [*datasets, *page_sections(report, panels)], written="from saved runs")


def _dataset_section(index: int, rows: Sequence[LeaderboardRow], blocks: Sequence[Block]) -> Section:
    blocks = [Remark(title_of(rows)), *blocks]
    return Section(rows[0].dataset, blocks, anchor=f"dataset-{index}", kind="board")


def _board(index: int, rows: Sequence[LeaderboardRow], options: PageOptions, errors: ErrorCards) -> Board:
    several = {row.method for row in rows if sum(other.method == row.method for other in rows) > 1}
    series = []
    for place, row in enumerate(rows):
        label = f"{row.method} {row.variant}".strip() if row.method in several else row.method
        shown = _representative(row)
        series.append(Series(place, row_key(index, place), label, curves_of(shown), _other_curves(row, shown)))
    return Board(index, rows, series, options, errors)


def _representative(row: LeaderboardRow) -> RunRecord:
    """Return the run that represents a row in curves and panels: its first split and seed."""
    return min(row.runs, key=lambda run: (run.split_seed is None, run.split_seed or 0, run.split_digest, run.seed))


def _other_curves(row: LeaderboardRow, shown: RunRecord) -> tuple[RunCurves, ...]:
    """Return the curves of the other runs of a row, at most :data:`MOST_OTHERS`."""
    others = [run for run in row.runs if run is not shown]
    return tuple(curves_of(run) for run in others[:MOST_OTHERS])


def _errors_each(n_rows: int) -> int:
    return max(1, min(MOST_ERRORS, PICTURED_ERRORS // (3 * max(n_rows, 1))))
