"""One self-contained HTML page of saved runs: no script, style or picture comes from elsewhere.

Every text goes through the template engine's escaping, and the page's own policy forbids any script but its one, so
that a hostile identity or file name stays text. Equal runs give equal bytes: there is no time on the page.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup

from reidbench.leaderboard.detection_intervals import with_detection_intervals
from reidbench.leaderboard.ranking import OFFICIAL, LeaderboardRow, boards
from reidbench.leaderboard.run_curves import RunCurves, curves_of
from reidbench.metrics.expected_cost import ErrorCosts, expected_cost
from reidbench.records.failures import FailedRun
from reidbench.records.finding import UnreadableRun
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Registry, load_registry
from reidbench.registry.sections import SectionView, section_view
from reidbench.reporting import charts
from reidbench.reporting.carried import carried_thresholds
from reidbench.reporting.charts import CostPoint, Series
from reidbench.reporting.citations import Citation, citations_of
from reidbench.reporting.error_gallery import Gallery
from reidbench.reporting.leaderboard_table import as_cells, notes_of, title_of
from reidbench.reporting.method_panel import defined, method_view
from reidbench.reporting.photographs import Photographs, without_photographs
from reidbench.reporting.protocols import protocol_sheets
from reidbench.reporting.size_charts import size_charts
from reidbench.reporting.small_tables import (
    Sheet,
    dataset_sheet,
    failure_sheets,
    interval_sheets,
    show,
    unreadable_sheets,
    variance_sheets,
)
from reidbench.reporting.templating import environment, source
from reidbench.reporting.views import BoardView, LeaderboardView, TableView
from reidbench.version import __version__

MOST_ERRORS = 6  # of each kind and method
MOST_OTHERS = 9  # runs of a row that are drawn thinly behind the first
PICTURED_ERRORS = 144  # of a page; at some 24 kB each they stay within the budget of pictures


@dataclass(frozen=True, slots=True)
class PageOptions:
    """What a reader of the page is shown.

    Attributes:
        title: Heading of the page.
        unknown_rate: Share of new animals that expected costs are given for, in [0, 1].
        costs: What each kind of error costs.
        errors: Most errors of each kind and method that are shown; ``None`` leaves it to the number of methods.
    """

    title: str = "reidbench report"
    unknown_rate: float = 0.3
    costs: ErrorCosts = field(default_factory=ErrorCosts)
    errors: int | None = None


def write_report(
    rows: Sequence[LeaderboardRow],
    options: PageOptions | None = None,
    photographs: Mapping[str, Photographs] | None = None,
    registry: Registry | None = None,
    failures: Sequence[FailedRun] = (),
    unreadable: Sequence[UnreadableRun] = (),
) -> str:
    """Return the page of a leaderboard.

    Args:
        rows: The leaderboard, of one or several datasets.
        options: What the page shows.
        photographs: The images of each dataset, by its digest; without them errors are listed without pictures.
        registry: Where sections and sources come from; by default the installed plugins.
        failures: Runs that have no numbers; a table says why.
        unreadable: Runs that have no row because their records can't be read; a table names them.

    Raises:
        ReidbenchError: The saved scores of a run can't be read.
    """
    options = options or PageOptions()
    rows = with_detection_intervals(rows)
    records = [run for row in rows for run in row.runs]
    photographs = photographs if photographs is not None else without_photographs(records)
    most = options.errors if options.errors is not None else _errors_each(len(rows))
    gallery = Gallery(photographs, most)
    parts = boards(rows)
    views = [_board_view(index, board, options, gallery) for index, board in enumerate(parts)]
    return _render(
        records, options, boards=views, carried=carried_thresholds(rows),
        sheets=[
            *unreadable_sheets(unreadable), *failure_sheets(failures), *dataset_sheet(rows), *protocol_sheets(rows)
        ],
        sections=_sections(registry or load_registry(), records), citations=_grouped(citations_of(records, registry)),
    )  # fmt: skip


def write_leaderboard(
    rows: Sequence[LeaderboardRow], sheets: Sequence[Sheet] = (), title: str = "reidbench leaderboard"
) -> str:
    """Return a page of the leaderboard alone, sortable and filterable, with the sheets below it."""
    views = []
    for index, board in enumerate(boards(rows)):
        headings, cells = as_cells(board)
        shown = [(f"b{index}r{place}", charts.swatch(place), row) for place, row in enumerate(cells)]
        views.append(
            LeaderboardView(f"dataset-{index}", board[0].dataset, title_of(board), notes_of(board), headings, shown)
        )
    records = [run for row in rows for run in row.runs]
    return _render(
        records, PageOptions(title=title), boards=views, carried=[], citations=_grouped(citations_of(records)),
        sheets=sheets, sections=[], leaderboard_only=True,
    )  # fmt: skip


def _sections(registry: Registry, records: Sequence[RunRecord]) -> list[SectionView]:
    made = (section_view(offer.spec, offer.distribution, records) for offer in registry.sections)
    return [section for section in made if section is not None]


def _render(records: Sequence[RunRecord], options: PageOptions, *, leaderboard_only: bool = False, **parts: Any) -> str:
    script = source("report.js")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            title=options.title,
            version=__version__,
            n_runs=len(records),
            leaderboard_only=leaderboard_only,
            style=Markup(source("report.css")),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            **parts,
        )
    )


def _board_view(index: int, board: Sequence[LeaderboardRow], options: PageOptions, gallery: Gallery) -> BoardView:
    several = {row.method for row in board if sum(other.method == row.method for other in board) > 1}
    labels = [f"{row.method} {row.variant}".strip() if row.method in several else row.method for row in board]
    keys = [f"b{index}r{place}" for place in range(len(board))]
    shown = [_representative(row) for row in board]
    series = [
        Series(place, key, label, curves_of(run), _other_curves(row, run))
        for place, (key, label, row, run) in enumerate(zip(keys, labels, board, shown, strict=True))
    ]
    headings, cells = as_cells(board)
    metric = board[0].ranked_by
    spread, ends = _spread(board)
    return BoardView(
        anchor=f"dataset-{index}",
        name=board[0].dataset,
        title=title_of(board),
        notes=notes_of(board),
        headings=headings,
        rows=[(key, charts.swatch(place), row) for place, (key, row) in enumerate(zip(keys, cells, strict=True))],
        sheets=[*interval_sheets(board), *variance_sheets(board)],
        one_of_several=any(len(row.runs) > 1 for row in board),
        most_others=MOST_OTHERS,
        legend=[(each.key, charts.swatch(each.index), each.label) for each in series],
        metric=charts.plain(metric),
        cost_chart=charts.score_against_cost(_cost_points(board, series, ends), charts.plain(metric)),
        open_set=charts.open_set_curve(series),
        ranks=charts.rank_curves(series),
        identification=_identification(series),
        groups=_group_tables(board, series),
        costs=_cost_table(series, options),
        cost_lines=charts.cost_lines(series, _named(options.costs), options.unknown_rate),
        spread=spread,
        sizes=size_charts(series),
        methods=[method_view(each, row, run, gallery) for each, row, run in zip(series, board, shown, strict=True)],
    )


def _representative(row: LeaderboardRow) -> RunRecord:
    """Return the run whose curves stand for a row: its first split and seed."""
    return min(row.runs, key=lambda run: (run.split_seed is None, run.split_seed or 0, run.split_digest, run.seed))


def _other_curves(row: LeaderboardRow, shown: RunRecord) -> tuple[RunCurves, ...]:
    """Return the curves of a row's runs beside the one that is shown, at most :data:`MOST_OTHERS`."""
    others = [run for run in row.runs if run is not shown]
    return tuple(curves_of(run) for run in others[:MOST_OTHERS])


def _spread(board: Sequence[LeaderboardRow]) -> tuple[str, list[tuple[float, float]]]:
    """Return what the lines through a board's points are, and each row's lower and upper end, ``nan`` for none.

    One kind for all rows: intervals over animals where the table has them, else the deviation over splits.
    """
    intervals = [row.standing.score if row.ranked_by == OFFICIAL else None for row in board]
    if any(intervals):
        return "95 % intervals over animals, thresholds as they are", [
            (math.nan, math.nan) if each is None else (each.low, each.high) for each in intervals
        ]
    ends = []
    for row in board:
        value, deviation = row.metrics.get(row.ranked_by), row.split_sd.get(row.ranked_by)
        if value is None or deviation is None:
            ends.append((math.nan, math.nan))
        else:
            ends.append((value - deviation, value + deviation))
    return "standard deviation over splits" if any(math.isfinite(low) for low, _ in ends) else "", ends


def _cost_points(
    board: Sequence[LeaderboardRow], series: Sequence[Series], ends: Sequence[tuple[float, float]]
) -> list[CostPoint]:
    points = []
    for row, each, (low, high) in zip(board, series, ends, strict=True):
        value, seconds = row.metrics.get(row.ranked_by), row.timing.get("seconds")
        points.append(
            CostPoint(
                each.index, each.key, each.label, math.nan if seconds is None else max(float(seconds), 0.01),
                math.nan if value is None else float(value), low, high,
            )
        )  # fmt: skip
    return points


def _identification(series: Sequence[Series]) -> TableView:
    rows = []
    reasons: dict[float, str] = {}
    for each in series:
        rates = each.curves.identification
        reasons |= {rate.fpir: rate.reason for rate in rates if rate.reason}
        cells = [show(defined(rate.value)) for rate in rates]
        rows.append((each.key, charts.swatch(each.index), each.label, cells))
    headings = [f"DIR at FPIR {100 * rate.fpir:g} %" for rate in series[0].curves.identification]
    note = "; ".join(reasons.values())
    return TableView(
        "Known animals found while so many unknown ones are let in, each averaged by identity",
        headings, rows, f"Undefined: {note}." if note else "",
    )  # fmt: skip


def _group_tables(board: Sequence[LeaderboardRow], series: Sequence[Series]) -> list[TableView]:
    """Return one table for each group: the means over the runs of each row, as the leaderboard has them overall."""
    names = sorted({name for row in board for run in row.runs for name in run.data["metrics"]["test"]["groups"]})
    columns = {"score": "score", "baks": "BAKS", "baus": "BAUS", "balanced_rank1": "bal. Rank-1", "auroc": "AUROC",
               "oracle_score": "oracle", "regret": "regret"}  # fmt: skip
    tables = []
    for name in names if len(names) > 1 else []:
        rows, counts = [], ""
        for row, each in zip(board, series, strict=True):
            found = [run.data["metrics"]["test"]["groups"].get(name, {}) for run in row.runs]
            rows.append((each.key, charts.swatch(each.index), each.label, [show(_mean(found, key)) for key in columns]))
            first = found[0]
            counts = (
                f"{first.get('n_queries', 0)} queries, {first.get('n_known_identities', 0)} known and "
                f"{first.get('n_unknown_identities', 0)} unknown identities in the first run"
            )
        tables.append(TableView(name, list(columns.values()), rows, counts))
    return tables


def _cost_table(series: Sequence[Series], options: PageOptions) -> TableView:
    rows = []
    costs, rate = options.costs, options.unknown_rate
    for each in series:
        curves, errors = each.curves, each.curves.answered_rates
        by_threshold = expected_cost(curves.rates, rate, costs)
        best = float(np.nanmin(by_threshold)) if np.isfinite(by_threshold).any() else math.nan
        cells = [
            _answered_cost(errors, rate, costs), best,
            errors["false_new"], errors["misidentified"], errors["false_match"],
        ]  # fmt: skip
        rows.append((each.key, charts.swatch(each.index), each.label, [show(defined(value)) for value in cells]))
    all_new = (1 - rate) * costs.false_new
    return TableView(
        f"Expected cost of a query where {100 * rate:g} % of the queries show new animals; costs: false new "
        f"{costs.false_new:g}, mis-identification {costs.misidentified:g}, false match {costs.false_match:g}",
        ["as answered", "best common threshold", "false new", "mis-identified", "false match"],
        rows,
        f"Answering “new” to every query costs {all_new:.3f}. The last three columns are rates, averaged by identity.",
    )


def _answered_cost(errors: Mapping[str, float], rate: float, costs: ErrorCosts) -> float:
    total = 0.0
    if rate < 1:
        total += (1 - rate) * (costs.false_new * errors["false_new"] + costs.misidentified * errors["misidentified"])
    return total + rate * costs.false_match * errors["false_match"] if rate > 0 else total


def _grouped(citations: Sequence[Citation]) -> list[tuple[str, list[Citation]]]:
    kinds = dict.fromkeys(citation.kind for citation in citations)
    return [(kind, [citation for citation in citations if citation.kind == kind]) for kind in kinds]


def _errors_each(n_rows: int) -> int:
    return max(1, min(MOST_ERRORS, PICTURED_ERRORS // (3 * max(n_rows, 1))))


def _mean(found: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Mean over runs; undefined where one is, as in the leaderboard."""
    values = [metrics.get(key) for metrics in found]
    defined = [float(value) for value in values if value is not None]
    return sum(defined) / len(defined) if defined and len(defined) == len(values) else None


def _named(costs: ErrorCosts) -> dict[str, float]:
    return {name: getattr(costs, name) for name in ("false_new", "misidentified", "false_match")}
