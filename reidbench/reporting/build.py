"""From what a user names to a page on disk: the runs, their leaderboard, their photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.files import write_output
from reidbench.leaderboard.ranking import leaderboard, select_runs
from reidbench.metrics.expected_cost import ErrorCosts
from reidbench.records.failures import FoundFailures, list_failures
from reidbench.records.finding import FoundRuns, find_run, require_runs
from reidbench.registry.registered import load_registry
from reidbench.reporting.page import PageOptions, write_report
from reidbench.reporting.photographs import find_photographs, without_photographs

KINDS = ("false_new", "misidentified", "false_match")


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
        output: HTML file; appears whole or not at all.
        names: Folders or ids of runs; all of ``runs_dir`` if empty.
        runs_dir: Folder of runs.
        options: What the page shows.
        dataset: Keep runs on this dataset.
        split: Keep runs on this split.
        gallery: Keep runs that searched this gallery.
        mixed_splits: Rank rows together although they were judged on different splits.
        images: Datasets whose photographs are shown; ``None`` leaves all out, drawn ones too.
        root: Folder of the images, where a dataset needs one.
        plugins: Files whose sections are on the page, besides those of the installed plugins.

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
    """Return the costs that ``KIND=VALUE`` texts give; 1 for a kind that is not named.

    Raises:
        ReidbenchError: A kind does not exist, or its value is no number of at least 0.

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
    return FoundRuns(list(found.values()))
