"""``reidbench runs``: list saved runs, show one, and remove some."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from reidbench.cli.confirmation import confirm
from reidbench.cli.options import RunsOption
from reidbench.cli.tables import Column, Table, print_small_table
from reidbench.constants import UNDEFINED
from reidbench.errors import ReidbenchError
from reidbench.methods.presets import current_preset, show_setting
from reidbench.progress import plain_console, print_json, print_line
from reidbench.reporting.numbers import show, show_bytes, show_metric, undefined_line
from reidbench.untrusted.text import visible

if TYPE_CHECKING:
    from reidbench.records.run_data import RunData
    from reidbench.records.run_record import RunRecord

SECTION = "Read saved runs"

_BLIND = {
    "blind": "yes: predictions do not depend on the query's identity, its file name or the other queries",
    "transductive": "no: the method declares that it may use the other queries",
    "differs": "no: predictions changed with something that they must not depend on",
    "untested": "not tested",
}

runs = typer.Typer(no_args_is_help=True, help="List, show and remove saved runs.")


@runs.command("ls")
def list_(
    runs: RunsOption = Path("runs"),
    dataset: Annotated[str | None, typer.Option(help="List runs on this dataset; by default on all.")] = None,
    method: Annotated[str | None, typer.Option(help="List runs of this method; by default of all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the saved runs of a folder.

    Records that can't be read are listed with the reason.
    """
    from reidbench.records.failures import list_failures
    from reidbench.records.finding import list_runs
    from reidbench.records.removal import removable_failures
    from reidbench.records.run_record import plain_name
    from reidbench.reporting.small_tables import unreadable_tables

    if not runs.is_dir():
        raise ReidbenchError(
            "this folder of runs does not exist",
            where=f"--runs {runs}",
            remedy="name the folder of your runs with --runs DIR",
        )
    saved = list_runs(runs)
    records = [run for run in saved.records if dataset in (None, run.dataset) and method in (None, run.method)]
    unreadable = [
        run
        for run in (*saved.unreadable, *list_failures(runs).unreadable)
        if dataset is None or plain_name(dataset) == run.path.parts[-3]
        if method is None or plain_name(method) == run.path.parts[-2]
    ]
    if as_json:
        rows = [_row(run) for run in records]
        lost = [{"path": str(run.path), "reason": run.reason, "remedy": run.remedy} for run in unreadable]
        print_json({"runs": rows, "unreadable": lost})
        return
    console = plain_console()
    if records:
        _list_table(records).print(console)
    size = sum(_size(run) for run in records)
    chosen = " that match" if dataset or method else ""
    console.print(f"{_counted(len(records), 'run')}{chosen} in {runs}, {show_bytes(size)}", soft_wrap=True)
    n_failed = len(removable_failures(runs))
    if n_failed:
        console.print(f"{_counted(n_failed, 'failed run')}: reidbench compare shows why, reidbench runs rm --failed "
                      "removes the records")  # fmt: skip
    for table in unreadable_tables(unreadable):
        console.print()
        print_small_table(table, console)


@runs.command("show")
def show_(
    run: Annotated[str, typer.Argument(help="Show this run: its folder, its id or the first characters of its id.")],
    runs: RunsOption = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Show the inputs, numbers and files of a run."""
    from reidbench.records.finding import find_run

    record = find_run(run, runs)
    if as_json:
        print_json(record.data.to_json())
        return
    console = plain_console()
    _print_facts(f"{record.method} on {record.dataset} · run {record.id}", _inputs(record.data), console)
    _print_numbers(record, console)
    _print_facts("Environment", _environment(record.data), console)
    files = {file.name: show_bytes(file.stat().st_size) for file in sorted(record.path.iterdir()) if file.is_file()}
    _print_facts("Files", {"folder": str(record.path), **files}, console)


@runs.command("rm")
def remove(
    run: Annotated[
        list[str] | None,
        typer.Argument(help="Remove these runs: folders or ids; with --failed, these methods."),
    ] = None,
    runs: RunsOption = Path("runs"),
    failed: Annotated[
        bool, typer.Option("--failed", help="Remove records of failed runs: of the named methods, by default of all.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking for confirmation.")] = False,
) -> None:
    """Remove saved runs, or the records of failed runs."""
    from reidbench.records.removal import removable_failures, removable_run

    if not run and not failed:
        raise ReidbenchError(
            "no run is named", where="reidbench runs rm", remedy="name runs; reidbench runs ls lists their ids"
        )
    if failed:
        chosen = removable_failures(runs, run or ())
    else:
        chosen = list({item.path: item for item in (removable_run(name, runs) for name in run or ())}.values())
    if not chosen:
        print_line(f"no failed run is recorded in {runs}")
        return
    what = _counted(len(chosen), "record of a failed run" if failed else "run")
    size = show_bytes(sum(each.size for each in chosen))
    if not yes:
        for each in chosen:
            print_line(f"{each.path}  {show_bytes(each.size)}", stderr=True)
    confirm(f"Remove {what} ({size})?", "Nothing was removed.", yes=yes)
    for each in chosen:
        each.remove()
        print_line(f"removed {each.path}")
    print_line(f"removed {what}, {size} freed")


def _list_table(records: list[RunRecord]) -> Table:
    table = Table(
        [
            Column("dataset", wraps=True),
            Column("method", wraps=True, least=15),
            Column("id"),
            Column("split", optional=2),
            Column("split\nseed", number=True, optional=1),
            Column("seed", number=True),
            Column("score", number=True),
            Column("created (UTC)", optional=4),
            Column("size", number=True, optional=3),
        ],
        elsewhere="--json or a wider terminal shows them.",
    )
    for run in records:
        row = _row(run)
        split_seed = UNDEFINED if run.split_seed is None else str(run.split_seed)
        created = run.data.created[:16].replace("T", " ")
        table.add(
            run.dataset, run.method, run.id, row["split_kind"], split_seed, str(run.seed), show(row["score"]), created,
            show_bytes(row["bytes"]),
        )  # fmt: skip
    return table


def _row(run: RunRecord) -> dict[str, Any]:
    return {
        "dataset": run.dataset,
        "method": run.method,
        "id": run.id,
        "split_kind": run.data.split.kind,
        "split_seed": run.split_seed,
        "split_digest": run.split_digest,
        "seed": run.seed,
        "score": run.metrics.get("score"),
        "created": run.data.created,
        "bytes": _size(run),
        "path": str(run.path),
    }


def _size(run: RunRecord) -> int:
    from reidbench.records.removal import folder_size

    return folder_size(run.path)


def _counted(number: int, noun: str) -> str:
    first, space, rest = noun.partition(" of ")
    return f"{number} {noun}" if number == 1 else f"{number} {first}s{space}{rest}"


def _inputs(data: RunData) -> dict[str, str]:
    """Return the inputs of a run as lines of text."""
    from reidbench.leaderboard.selection import describe_query

    plugin, split, weights = data.plugin, data.split, data.weights
    parts = ", ".join(f"{count} {part}" for part, count in split.counts.items() if count)
    split_seed = "from a file" if split.seed is None else f"seed {split.seed}"
    thresholds = sorted({f"{value:.4g}" for value in data.threshold.values.values()})
    return {
        "method": f"{data.method} (version {plugin.method_version}) of {plugin.name} {plugin.version}",
        **({"parts": "; ".join(f"{path}: {part.method}" for path, part in data.parts.items())} if data.parts else {}),
        "dataset": f"{data.dataset.name}, {data.dataset.n_images} images of {data.dataset.n_identities} animals, "
        f"digest {data.dataset.digest[:12]}",
        "split": f"{split.kind}, {split_seed}, digest {split.digest[:12]}: {parts}",
        "seed": str(data.seed),
        "preset": current_preset(data.preset) if data.preset else "none",
        "settings": _listed({key: show_setting(key, value) for key, value in data.settings.effective.items()}),
        "weights": weights.label + (f" ({weights.source})" if weights.source != weights.label else ""),
        "queries": describe_query(data.query).removeprefix("queries: ") or "photographs",
        "gallery": "of the query's group" if data.gallery == "group" else "of all groups",
        "sides": "any" if data.match_sides == "any" else "only photographs of the same side are compared",
        "threshold": f"{data.threshold.policy}: {', '.join(thresholds) or UNDEFINED}",
        "blind": _BLIND[data.blindness.status],
    }


def _environment(data: RunData) -> dict[str, str]:
    """Return the time, machine and software of a run as lines of text."""
    machine = data.environment
    code = {
        name: f"{each.version}"
        + (f" (commit {each.commit[:12]}{', changed' * bool(each.dirty)})" if each.commit else "")
        for name, each in data.code.items()
    }
    memory = machine.peak_memory_mib
    return {
        "created": f"{data.created[:16].replace('T', ' ')} UTC",
        "code": _listed(code, " "),
        "packages": _listed(machine.packages, " "),
        "Python": f"{machine.python} on {machine.platform}, {machine.machine}",
        "device": machine.device + (f" ({machine.gpu})" if machine.gpu else ""),
        "seconds": _listed({_stage(name): show(value, 1) for name, value in data.timing.items()}, " "),
        "memory": UNDEFINED if memory is None else f"{memory:.0f} MiB at most",
    }


def _stage(name: str) -> str:
    """Return the word of the leaderboard for a stage of a run."""
    return "extract" if name == "represent_s" else name.removesuffix("_s")


def _listed(values: Mapping[str, Any], sign: str = "=") -> str:
    return ", ".join(f"{name}{sign}{value}" for name, value in values.items()) or "none"


def _print_facts(title: str, facts: Mapping[str, str], console: Console) -> None:
    """Print names and values in two columns, each value whole."""
    console.print(Text(title, style="bold"))
    grid = Grid.grid(padding=(0, 2, 0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        grid.add_row(Text(name), Text(visible(value)))
    console.print(grid)
    console.print()


def _print_numbers(record: RunRecord, console: Console) -> None:
    """Print every metric of calibration and test, and the score of each group."""
    from reidbench.metrics.builtin import METRIC

    episodes = record.data.metrics
    groups = sorted(episodes.test.groups) if len(episodes.test.groups) > 1 else []
    columns = [Column("metric"), Column("calibration", number=True), Column("test", number=True)]
    table = Table(
        [*columns, *(Column(group, number=True, optional=place) for place, group in enumerate(groups, start=1))],
        title="Metrics",
    )
    for name, value in record.metrics.items():
        if isinstance(value, Mapping):
            continue
        values = (episodes.calibration.overall.get(name), value)
        of_groups = [episodes.test.groups[group].get(name) for group in groups]
        table.add(METRIC[name].title if name in METRIC else name, *map(show_metric, (*values, *of_groups)))
    table.print(console)
    reasons: dict[str, list[str]] = {}
    for name, reason in (record.metrics.get("reasons") or {}).items():
        reasons.setdefault(str(reason), []).append(name)
    for reason, names in reasons.items():
        console.print(undefined_line(reason, names))
    for note in dict.fromkeys((*record.data.split.warnings, *record.data.threshold.notes, *record.data.fit.notes)):
        console.print(f"Note: {note}.")
    console.print()
