"""``reidbench compare``: the leaderboard of the runs in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reidbench.cli.given import refuse_options
from reidbench.cli.options import RunsOption, SafeCsvOption
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.progress import plain_console, print_line, print_table_text

if TYPE_CHECKING:
    from reidbench.leaderboard.rows import LeaderboardRow
    from reidbench.reporting.small_tables import SmallTable

SECTION = "Read saved runs"
RENAMED = {"--split": "--split-digest"}


class Format(str, Enum):  # noqa: UP042 - typer reads the values of a plain Enum in every version
    """How a leaderboard is written."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    html = "html"


def compare(
    ctx: typer.Context,
    runs: RunsOption = Path("runs"),
    dataset: Annotated[str | None, typer.Option(help="Rank runs on this dataset; by default on each dataset.")] = None,
    split_digest: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Rank runs on this split: the first characters of its digest.")
    ] = None,
    gallery: Annotated[str | None, typer.Option(help="Rank runs that searched this gallery: group or all.")] = None,
    format: Annotated[Format, typer.Option(help="Write the leaderboard in this format.")] = Format.table,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; by default to stdout.")
    ] = None,
    mixed_splits: Annotated[
        bool, typer.Option("--mixed-splits", help="Rank methods together that were run on different splits.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(metavar="METHOD", help="Add the paired difference of each method from this one.")
    ] = None,
    by_group: Annotated[bool, typer.Option("--by-group", help="Add a table of each group.")] = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Add the intervals of BAKS, BAUS, AUROC, FPR95 and oracle.")
    ] = False,
    variance: Annotated[
        bool, typer.Option("--variance", help="Add how much the score varies with query animals, splits and seeds.")
    ] = False,
    costs: Annotated[
        bool, typer.Option("--costs", help="Add the seconds of each stage, the peak memory and the device.")
    ] = False,
    safe_csv: SafeCsvOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the same as --format json.")] = False,
) -> None:
    """Rank the methods of saved runs on each dataset."""
    from reidbench.cli.leaderboard import leaderboard_text, print_leaderboard
    from reidbench.leaderboard.detection_intervals import with_detection_intervals
    from reidbench.leaderboard.ranking import compare_runs
    from reidbench.records.failures import list_failures
    from reidbench.records.soundness import list_sound_runs, require_runs
    from reidbench.reporting import leaderboard_table
    from reidbench.reporting.protocols import protocol_tables
    from reidbench.reporting.small_tables import (
        cost_tables,
        dataset_tables,
        difference_tables,
        failure_tables,
        group_tables,
        interval_tables,
        rule_tables,
        unreadable_tables,
        variance_tables,
    )

    if as_json and format not in (Format.table, Format.json):
        raise ReidbenchError(
            "two formats are named", where=f"--json --format {format.value}", remedy="remove --json or --format"
        )
    chosen = Format.json if as_json else format
    if chosen in (Format.json, Format.csv):
        refuse_options(
            ctx, ("by_group", "intervals", "variance", "costs"), where=f"--format {chosen.value}",
            reason=f"they add a table for readers, and {chosen.value} has one row for each method with all its numbers",
            remedy="remove them, or write --format table, markdown or html",
        )  # fmt: skip
    if safe_csv and chosen is not Format.csv:
        raise ReidbenchError("no CSV is written", where="--safe-csv", remedy="add --format csv, or remove --safe-csv")
    failed = list_failures(runs, dataset)
    failures = failed.failures
    saved = list_sound_runs(runs) if failures else require_runs(runs, "compare")
    rows = []
    if saved.records:  # if all runs failed, the failures are shown
        rows = compare_runs(
            saved, dataset=dataset, split=split_digest, gallery=gallery, mixed_splits=mixed_splits, against=against
        )
    if intervals or chosen in (Format.json, Format.csv):
        rows = with_detection_intervals(rows)
    optional = [
        (by_group, group_tables),
        (True, difference_tables),
        (intervals, interval_tables),
        (variance, variance_tables),
        (costs, cost_tables),
        (True, dataset_tables),
        (True, protocol_tables),
        (True, rule_tables),
    ]
    unreadable = [*saved.unreadable, *failed.unreadable]
    lost = unreadable_tables(unreadable)
    tables = [*lost, *failure_tables(failures), *(table for wanted, make in optional if wanted for table in make(rows))]
    if output is None and chosen is Format.table:
        print_leaderboard(rows, plain_console(), tables)
        return
    writers: dict[Format, Callable[[Sequence[LeaderboardRow]], str]] = {
        Format.table: partial(leaderboard_text, tables=tables),
        Format.markdown: partial(leaderboard_table.as_markdown, tables=tables),
        Format.csv: partial(leaderboard_table.as_csv, failures=failures, safe=safe_csv),
        Format.json: partial(leaderboard_table.as_json, failures=failures),
        Format.html: partial(_as_html, tables=tables),
    }
    text = writers[chosen](rows)
    if chosen in (Format.json, Format.csv):  # rows only, so the others are named on stderr
        for run in unreadable:
            print_line(run, stderr=True)
    if output is None:
        print_table_text(text)
        return
    write_output(output, text, "leaderboard")
    print_line(f"written to {output}", stderr=True)


def _as_html(rows: Sequence[LeaderboardRow], tables: Sequence[SmallTable]) -> str:
    from reidbench.reporting.page import write_leaderboard

    return write_leaderboard(rows, tables)
