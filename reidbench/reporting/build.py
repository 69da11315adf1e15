"""Writes the report as ``reidbench report`` does: finds runs and photographs, ranks the runs, writes the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.files import write_output
from reidbench.leaderboard.ranking import leaderboard, select_runs
from reidbench.metrics.expected_cost import ErrorCosts
from reidbench.records.failures import FoundFailures, list_failures
from reidbench.records.finding import FoundRuns, find_run
from reidbench.records.soundness import require_runs, without_damaged
from reidbench.registry.registered import load_registry
from reidbench.reporting.error_cases import KINDS
from reidbench.reporting.page import PageOptions, write_report
from reidbench.reporting.photographs import find_photographs, without_photographs


def build_report(
    output: Path,
    names: Sequence[str],
    runs_dir: Path,
    options: PageOptions,
    *,
    dataset: str | None = None,
    split: str | None = None,
    gallery: str | None = None,
    mixed_splits: bool = False,
    images: Sequence[str] | None = (),
    root: Path | None = None,
    plugins: Sequence[Path] = (),
) -> int:
    """Write the page of saved runs.

    Args:
        output: HTML file; an earlier file stays if the page can't be written.
        names: Folders or ids of runs; if empty, all runs in ``runs_dir``.
        runs_dir: Folder of runs.
        options: Options of the page.
        dataset: Keep runs on this dataset.
        split: Keep runs on this split.
        gallery: Keep runs that searched this gallery.
        mixed_splits: Rank rows together even if their splits differ.
        images: Datasets whose photographs are shown; ``None`` leaves out all photographs, drawn animals too.
        root: Folder of the images, if a dataset needs one.
        plugins: Plugin files whose sections are on the page, in addition to those of installed plugins.

    Returns:
        Size of the page in bytes.

    Raises:
        ReidbenchError: There is no such run, runs can't be ranked together, or the file can't be written.
    """
    found = _find_runs(names, runs_dir)
    chosen = select_runs(found.records, dataset=dataset, split=split, gallery=gallery)
    rows = leaderboard(chosen, mixed_splits=mixed_splits)
    shown = [run for row in rows for run in row.runs]
    photographs = without_photographs(shown) if images is None else find_photographs(shown, images, root)
    failed = FoundFailures() if names else list_failures(runs_dir, dataset)
    unreadable = [*found.unreadable, *failed.unreadable]
    registry = load_registry(files=plugins)
    page = write_report(rows, options, photographs, registry, failed.failures, unreadable).encode("utf-8")
    write_output(output, page, "report")
    return len(page)


def parse_costs(pairs: Sequence[str]) -> ErrorCosts:
    """Return the costs given as ``KIND=VALUE`` texts; a kind that is not named costs 1.

    Raises:
        ReidbenchError: A kind does not exist, or its value is not a number of at least 0.

    Example:
        >>> parse_costs(["false_match=5"])
        ErrorCosts(false_new=1.0, misidentified=1.0, false_match=5.0)
    """
    given: dict[str, float] = {}
    for pair in pairs:
        kind, _, value = pair.partition("=")
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS)
            raise ReidbenchError(
                f"there is no kind of error '{kind}'" + (f"; {hint}" if hint else ""),
                where=f"--cost {pair}",
                remedy=f"choose one of: {', '.join(KINDS)}, such as --cost false_match=5",
            )
        try:
            given[kind] = float(value)
            ErrorCosts(**given)
        except ValueError:
            raise ReidbenchError(
                f"a cost is a number of at least 0, not '{value}'",
                where=f"--cost {pair}",
                remedy=f"write --cost {kind}=5",
            ) from None
    return ErrorCosts(**given)


def _find_runs(names: Sequence[str], runs_dir: Path) -> FoundRuns:
    if not names:
        return require_runs(runs_dir, "report on")
    found = {record.path.resolve(): record for record in (find_run(name, runs_dir) for name in names)}
    runs = without_damaged(FoundRuns(list(found.values())))
    if not runs.records:
        damaged = runs.unreadable[0]
        raise ReidbenchError(damaged.reason, where=str(damaged.path), remedy=damaged.remedy)
    return runs
