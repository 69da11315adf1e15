"""A leaderboard as Markdown, CSV and JSON, and the columns that every form of it has.

A value that is undefined prints as ``–`` and is empty in CSV and null in JSON; it is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from reidbench.constants import UNDEFINED
from reidbench.csv_files import csv_text
from reidbench.leaderboard.ranking import CLOSED_SET, OFFICIAL, ROW_METRICS, TIE, LeaderboardRow, boards, describe_query
from reidbench.methods.presets import current_preset
from reidbench.metrics.builtin import METRIC, METRICS
from reidbench.metrics.spec import MetricSpec
from reidbench.records.failures import FailedRun
from reidbench.reporting.numbers import show, show_interval
from reidbench.reporting.small_tables import SmallTable, markdown_lines
from reidbench.untrusted.text import json_text, markdown

LISTED_SPLITS = 3
"""A heading names up to this number of splits by their digests; more are counted."""
NUMERIC_PACKAGES = ("torch", "timm", "opencv-python", "numpy")
"""Packages whose versions can change the numbers of a run."""


@dataclass(frozen=True, slots=True)
class LeaderboardColumn:
    """One column: its heading, its text, and which value is the best.

    ``optional`` is 0 for a column that is always shown. Of the others, a narrow terminal leaves out the one with the
    highest number first.
    """

    title: str
    optional: int
    text: Callable[[LeaderboardRow], str]
    value: Callable[[LeaderboardRow], float | None] | None = None
    lower_is_better: bool = False
    right: bool = True


def _metric(metric: MetricSpec, optional: int) -> LeaderboardColumn:
    name = metric.name

    def text(row: LeaderboardRow) -> str:
        shown = show(row.metrics.get(name))
        spread = row.seed_sd.get(name)
        return f"{shown} ± {spread:.3f}" if spread is not None and name == row.ranked_by else shown

    return LeaderboardColumn(metric.title, optional, text, lambda row: row.metrics.get(name), metric.lower_is_better)


def _metric_columns() -> list[LeaderboardColumn]:
    """Return a column for each metric that declares one, except the score: its interval follows it."""
    declared = [(metric.column, metric) for metric in METRICS if metric.column and metric.name != OFFICIAL]
    return [_metric(metric, column.optional) for column, metric in sorted(declared, key=lambda pair: pair[0].position)]


def _seconds(key: str, title: str, optional: int) -> LeaderboardColumn:
    return LeaderboardColumn(title, optional, lambda row: show(row.timing.get(key), 1))


_BLIND = {"blind": "yes", "transductive": "transductive", "differs": "no", "untested": UNDEFINED}

_COLUMNS = (
    LeaderboardColumn("rank", 0, lambda row: UNDEFINED if row.rank is None else str(row.rank)),
    LeaderboardColumn("method", 0, lambda row: row.method, right=False),
    LeaderboardColumn("variant", 0, lambda row: row.variant, right=False),
    _metric(METRIC[OFFICIAL], 0),
    LeaderboardColumn("95 %", 0, lambda row: show_interval(row.confidence.score)),
    LeaderboardColumn("ranks", 0, lambda row: _ranks(row)),
    LeaderboardColumn("tie", 0, lambda row: str(row.confidence.tie_group or UNDEFINED)),
    LeaderboardColumn("± splits", 3, lambda row: show(row.split_sd.get(row.ranked_by))),
    *_metric_columns(),
    LeaderboardColumn("weights", 0, lambda row: row.weights, right=False),
    LeaderboardColumn("blind", 16, lambda row: _BLIND[row.blindness], right=False),
    LeaderboardColumn(
        "preset", 18, lambda row: "/".join(map(current_preset, row.preset.split("/"))) or UNDEFINED, right=False
    ),
    LeaderboardColumn("threshold", 24, lambda row: row.threshold, right=False),
    LeaderboardColumn("seeds", 22, lambda row: " ".join(map(str, row.seeds))),
    LeaderboardColumn("runs", 23, lambda row: str(row.n_runs)),
    _seconds("fit_s", "fit s", 15),
    _seconds("represent_s", "extract s", 14),
    _seconds("match_s", "match s", 13),
    _seconds("seconds", "seconds", 7),
    LeaderboardColumn("peak MiB", 8, lambda row: show(row.timing.get("peak_memory_mib"), 0)),
    LeaderboardColumn("device", 9, lambda row: row.device, right=False),
)


def _ranks(row: LeaderboardRow) -> str:
    if row.confidence.ranks is None:
        return UNDEFINED
    low, high = row.confidence.ranks
    return str(low) if low == high else f"{low}–{high}"


def as_markdown(rows: Sequence[LeaderboardRow], tables: Sequence[SmallTable] = ()) -> str:
    """Return one Markdown table for each dataset, every column, the best of each in bold, then the small tables."""
    lines: list[str] = []
    for board in boards(rows):
        columns = used_columns(board)
        lines += [f"## {markdown(title_of(board))}", ""]
        lines.append("| " + " | ".join(column.title for column in columns) + " |")
        lines.append("| " + " | ".join("---:" if column.right else "---" for column in columns) + " |")
        best = [best_rows(column, board) for column in columns]
        for index, row in enumerate(board):
            cells = [markdown(column.text(row)) for column in columns]
            marked = [f"**{cell}**" if index in winners else cell for cell, winners in zip(cells, best, strict=True)]
            lines.append("| " + " | ".join(marked) + " |")
        lines += ["", *(f"- {markdown(note)}" for note in notes_of(board)), ""]
    for table in tables:
        lines += [*markdown_lines(table, markdown), ""]
    return "\n".join(lines).rstrip() + "\n"


def as_csv(rows: Sequence[LeaderboardRow], failures: Sequence[FailedRun] = (), *, safe: bool = False) -> str:
    """Return one row for each row of ``--json`` with its keys; lists are joined by spaces.

    Args:
        rows: The rows of the leaderboard.
        failures: Failed runs, which come last.
        safe: Mark cells that a spreadsheet would compute.
    """
    flat = [
        {key: value for key, value in row.items() if not isinstance(value, dict)} for row in _json_rows(rows, failures)
    ]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    return csv_text(columns, [[_csv_cell(row.get(key)) for key in columns] for row in flat], safe=safe)


def as_json(rows: Sequence[LeaderboardRow], failures: Sequence[FailedRun] = ()) -> str:
    """Return a JSON list of rows. Failed runs come last; they have a reason and no rank or metrics."""
    return json_text(_json_rows(rows, failures), indent=2) + "\n"


def _json_rows(rows: Sequence[LeaderboardRow], failures: Sequence[FailedRun]) -> list[dict[str, Any]]:
    failed = [
        {
            "rank": None, "method": each.method, "dataset": each.dataset, "dataset_digest": each.dataset_digest,
            "gallery": each.asked.get("gallery"), "seeds": [each.asked.get("seed")],
            "split_seeds": [each.asked.get("split_seed")],
            **dict.fromkeys(ROW_METRICS), "failed": each.how, "reason": each.reason, "plugin": each.plugin,
            "version": each.version,
        }
        for each in failures
    ]  # fmt: skip
    return [*(row.to_json() for row in rows), *failed]


def title_of(board: Sequence[LeaderboardRow]) -> str:
    """Return the heading of one dataset's table: dataset, split and seed."""
    splits = {
        digest: f"{digest[:12]} ({kind or 'split'}, {'from a file' if seed is None else f'seed {seed}'})"
        for row in board
        for digest, kind, seed in zip(row.splits, row.split_kinds, row.split_seeds, strict=True)
    }
    seeds = sorted({seed for row in board for seed in row.seeds})
    named = f"{_plural('split', splits)} {', '.join(splits.values())}"
    if len(splits) > LISTED_SPLITS:
        kinds = sorted({kind or "split" for row in board for kind in row.split_kinds})
        numbers = {seed for row in board for seed in row.split_seeds}
        files = ", some from files" if None in numbers else ""
        known = _runs_of(sorted(seed for seed in numbers if seed is not None))
        named = f"{len(splits)} splits ({'/'.join(kinds)}, seeds {known}{files})"
    methods = f"{_plural('method seed', seeds)} {', '.join(map(str, seeds))}"
    return " · ".join(
        filter(
            None,
            (
                board[0].dataset,
                named,
                methods,
                "gallery: the query's group" if board[0].gallery == "group" else "gallery: all groups",
                describe_query(board[0].query),
            ),
        )
    )


def _runs_of(numbers: Sequence[int]) -> str:
    """Return rising numbers as text, with consecutive numbers as a range: ``0–3, 7``."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(str(start) if start == end else f"{start}–{end}" for start, end in pairs)


def notes_of(board: Sequence[LeaderboardRow]) -> list[str]:
    """Return the notes below one dataset's table, as sentences."""
    first = board[0]
    notes = []
    if first.ranked_by == CLOSED_SET:
        why = next((row.reasons[OFFICIAL] for row in board if row.reasons.get(OFFICIAL)), "")
        notes.append("Ranked by balanced Rank-1: no row has a score" + (f" ({why})." if why else "."))
    chances = [chance for row in board if (chance := row.metrics.get("chance_score")) is not None]
    if chances:
        low, high = show(min(chances)), show(max(chances))
        notes.append(f"Chance score (the score of guessing): {low if low == high else f'{low} to {high}'}.")
    left_out = {name: why for row in board for name, why in row.left_out.items()}
    if left_out and first.ranked_by == OFFICIAL:
        notes.append(f"Left out of the score: {'; '.join(f'{name} ({why})' for name, why in left_out.items())}.")
    if any(row.seed_sd.get(row.ranked_by) is not None for row in board):
        notes.append("±: standard deviation over seeds within a split.")
    confidences = [row.confidence for row in board if row.confidence.score is not None]
    if confidences:
        notes.append(
            "95 %: how much the score might differ if other animals had been tested (95 % interval, Bayesian "
            "bootstrap; thresholds held fixed)."
        )
        if any(each.ranks is not None for each in confidences) and len(board) > 1:
            note = (
                "Ranks: the ranks that are possible for a row, by tests of each pair of rows on the same animals; with "
                "a probability of 95 % they are right for all rows together. Tie: the tests show no difference between "
                "rows with the same number."
            )
            detectable = next((each.detectable for each in confidences if each.detectable is not None), None)
            if detectable is not None:
                note += (
                    f" With this many animals, a true difference of {show(detectable)} between neighbouring rows is "
                    "found in 80 % of cases."
                )
            notes.append(note)
        notes += dict.fromkeys(f"Warning: {each.warning}." for each in confidences if each.warning)
    warnings = dict.fromkeys(warning for row in board for run in row.runs for warning in run.data.split.warnings)
    notes += [f"Split: {warning}." for warning in list(warnings)[:LISTED_SPLITS]]
    if len({frozenset(row.splits) for row in board}) > 1:
        notes.append("Rows have different splits: a difference may come from the split and not from the method.")
    notes += _differing_versions(board)
    unranked = sorted({row.method for row in board if row.rank is None})
    if unranked:
        notes.append(f"Without rank, because the {first.ranked_by} is undefined: {', '.join(unranked)}.")
    for method, follows in dict.fromkeys((row.method, row.follows) for row in board if row.blindness == "differs"):
        notes.append(f"Not blind: {method}. Its predictions changed with {follows}.")
    transductive = sorted({row.method for row in board if row.blindness == "transductive"})
    if transductive:
        notes.append(f"Declared transductive: {', '.join(transductive)} may use the other queries.")
    random = sorted({row.method for row in board if row.random_weights})
    if random:
        notes.append(
            f"Started from random weights: {', '.join(random)}. After a few minutes of training on a CPU, a large "
            "network is still near chance. Use pretrained weights (--set weights=FILE)."
        )
    licences = sorted({(row.licence, row.method) for row in board if row.licence})
    if licences:
        by_licence = groupby(licences, key=lambda pair: pair[0])
        texts = [f"{licence} ({', '.join(method for _, method in pairs)})" for licence, pairs in by_licence]
        notes.append(f"Licences of weights: {'; '.join(texts)}.")
    for note in dict.fromkeys(row.dataset_note for row in board if row.dataset_note):
        notes.append(f"Dataset: {note}")
    return notes


def _differing_versions(board: Sequence[LeaderboardRow]) -> list[str]:
    """Return one note that names the versions of packages in which the runs of a table differ; none if they agree."""
    differing = []
    for package in NUMERIC_PACKAGES:
        methods: dict[str, set[str]] = {}
        for row in board:
            for run in row.runs:
                if package in run.data.environment.packages:
                    methods.setdefault(run.data.environment.packages[package], set()).add(row.method)
        if len(methods) > 1:
            each = (f"{version} ({', '.join(sorted(names))})" for version, names in sorted(methods.items()))
            differing.append(f"{package} {', '.join(each)}")
    return [f"The runs used different versions: {'; '.join(differing)}."] if differing else []


def used_columns(board: Sequence[LeaderboardRow]) -> list[LeaderboardColumn]:
    """Return the columns in which a row has a value. A closed-set table always keeps the metric that ranks it."""
    ranked_by = board[0].ranked_by
    used = []
    for column in _COLUMNS:
        texts = {column.text(row) for row in board}
        if texts <= {UNDEFINED, ""} and column.title not in ("rank", "score"):
            continue
        ranks = ranked_by == CLOSED_SET and column.title == METRIC[CLOSED_SET].title
        used.append(replace(column, optional=0) if ranks else column)
    return used


def best_rows(column: LeaderboardColumn, board: Sequence[LeaderboardRow]) -> set[int]:
    """Return the rows with the best value of a column; empty if there is one row or no value."""
    if column.value is None or len(board) < 2:
        return set()
    values = {index: value for index, row in enumerate(board) if (value := column.value(row)) is not None}
    if not values:
        return set()
    best = min(values.values()) if column.lower_is_better else max(values.values())
    return {index for index, value in values.items() if abs(value - best) <= TIE}


def _csv_cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join("" if entry is None else str(entry) for entry in value)
    return str(value).lower() if isinstance(value, bool) else value


def _plural(word: str, counted: object) -> str:
    return word if len(counted) == 1 else f"{word}s"  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class LeaderboardCell:
    """A cell of a leaderboard: its text, its number for sorting, and whether it is the best in its column."""

    text: str
    sort: float | None
    best: bool


def as_cells(board: Sequence[LeaderboardRow]) -> tuple[list[tuple[str, bool]], list[list[LeaderboardCell]]]:
    """Return the headings of one dataset, each with whether its column holds numbers, and the cells of its rows."""
    columns = used_columns(board)
    best = [best_rows(column, board) for column in columns]
    rows = [
        [
            LeaderboardCell(column.text(row), _sorted_by(column, row), index in winners)
            for column, winners in zip(columns, best, strict=True)
        ]
        for index, row in enumerate(board)
    ]
    return [(column.title, column.right) for column in columns], rows


def _sorted_by(column: LeaderboardColumn, row: LeaderboardRow) -> float | None:
    if column.value is not None:
        return column.value(row)
    try:
        return float(column.text(row).split("–")[0]) if column.right else None  # an interval is sorted by its lower end
    except ValueError:
        return None
