"""``reidbench run``: one or several methods on one dataset, or a whole comparison from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reidbench.cli.downloading import fetch
from reidbench.cli.options import (
    SPLIT_KIND_HELP,
    DatasetOption,
    NewShareOption,
    PluginOption,
    PresetOption,
    RootOption,
    RunsOption,
    SetOption,
    SettingsFileOption,
    parse_settings,
)
from reidbench.cli.repetition import repeat
from reidbench.cli.tables import print_small_table
from reidbench.constants import DEFAULT_POLICY
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.progress import RichProgress, plain_console
from reidbench.records.job import Job
from reidbench.reporting.numbers import show

if TYPE_CHECKING:
    from reidbench.records.run_record import RunRecord

SECTION = "Run methods"

PROTOCOLS = {
    "random": ("random",),
    "time-aware": ("time-proportion",),
    "both": ("random", "time-proportion"),
}


def run(
    method: Annotated[list[str] | None, typer.Option(help="Method to run; repeatable.")] = None,
    dataset: DatasetOption = "patterns",
    root: RootOption = None,
    plugin: PluginOption = None,
    benchmark: Annotated[Path | None, typer.Option(help="Run a whole comparison from a TOML file.")] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="Repeat a run and say if its numbers are the same.")
    ] = None,
    split: Annotated[Path | None, typer.Option(help="Use this split CSV instead of making one.")] = None,
    split_kind: Annotated[str, typer.Option(help=SPLIT_KIND_HELP)] = "auto",
    protocol: Annotated[
        str | None,
        typer.Option(help="Split kind by what it is for: random, time-aware (time-proportion), or both side by side."),
    ] = None,
    split_seed: Annotated[list[int] | None, typer.Option(help="Seed of the split; repeatable, default 0.")] = None,
    new_share: NewShareOption = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seed of the method; repeatable, default 0.")] = None,
    gallery: Annotated[str, typer.Option(help="Search the query's own 'group', or 'all'.")] = "group",
    preset: PresetOption = None,
    set_: SetOption = None,
    settings: SettingsFileOption = None,
    threshold: Annotated[
        str, typer.Option(help="Policy that chooses it; docs/threshold.md lists them.")
    ] = DEFAULT_POLICY,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    runs: RunsOption = Path("runs"),
    download: Annotated[
        bool, typer.Option("--download", help="Download a set of wildlife-datasets into --root first; asks before.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the download without being asked.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Repeat a run that stands already.")] = False,
    isolate: Annotated[bool, typer.Option("--isolate", help="Run each method in a process of its own.")] = False,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Interpreter that runs it; implies --isolate.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Most that a run may take; implies --isolate.")
    ] = None,
    memory: Annotated[
        float | None, typer.Option(metavar="GIB", help="Most memory of its process; implies --isolate.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
) -> None:
    """Run methods on a dataset and write a record of each."""
    console = plain_console(stderr=True)
    if gallery not in ("group", "all"):
        raise ReidbenchError(f"no gallery is called '{gallery}'", where=f"--gallery {gallery}", remedy="group or all")
    if from_ is not None:
        where = None if dataset == "patterns" else dataset
        repeat(from_, dataset=where, root=root, device=device, runs=runs, plugins=plugin or [], as_json=as_json)
        return
    if benchmark is not None:
        from reidbench.experiments.benchmark_file import read_benchmark

        jobs = read_benchmark(benchmark, RichProgress())
    elif method:
        jobs = [
            Job(name, dataset, root, split, kind, split_value, new_share, seed_value, gallery, preset,
                parse_settings(set_, settings), threshold, device)
            for kind in _kinds(protocol, split_kind, split)
            for split_value in split_seed or [0]
            for seed_value in seed or [0]
            for name in method
        ]  # fmt: skip
        if dataset == "patterns":
            console.print("no dataset was named: using the built-in 'patterns', animals drawn from a seed")
    else:
        raise ReidbenchError(
            "nothing to run", where="reidbench run", remedy="name a method: reidbench run --method sift"
        )
    if download:
        fetch(dataset, root, yes=yes, console=console)
    from reidbench.experiments.isolation import Isolation
    from reidbench.experiments.jobs import run_jobs  # numpy, pandas and the rest load here

    apart = isolate or any(given is not None for given in (python, timeout, memory))
    isolation = Isolation(python, timeout, memory) if apart else None
    records, failures = run_jobs(
        jobs, runs_dir=runs, again=again, console=console, plugins=plugin or (), isolation=isolation
    )
    if as_json:
        rows = [*(record.data.to_json() for record in records), *({"failed": each.to_json()} for each in failures)]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for record in records:
            shown = {name: record.metrics.get(name) for name in ("score", "baks", "baus", "balanced_rank1")}
            numbers = "  ".join(f"{name} {show(value)}" for name, value in shown.items())
            typer.echo(f"{record.method:<18} {numbers}  weights: {record.data.weights.label}")
            typer.echo(f"  record: {record.path}")
        for each in failures:
            typer.echo(f"{each.method:<18} failed: {each.reason}")
        if protocol == "both":
            _print_protocols(records)
    if failures:
        raise ReidbenchError(
            f"{len(failures)} of {len(jobs)} runs failed: " + ", ".join(each.method for each in failures),
            where="reidbench run",
            remedy="each reason is printed above; what finished is kept",
        )


def _kinds(protocol: str | None, split_kind: str, split: Path | None) -> tuple[str, ...]:
    if protocol is None:
        return (split_kind,)
    if protocol not in PROTOCOLS:
        guess = did_you_mean(protocol, PROTOCOLS)
        raise ReidbenchError(
            f"no protocol is called '{protocol}'",
            where=f"--protocol {protocol}",
            remedy=f"{guess} " * bool(guess) + f"choose one of: {', '.join(PROTOCOLS)}",
        )
    if split is not None or split_kind != "auto":
        other = "--split" if split is not None else "--split-kind"
        raise ReidbenchError(
            f"--protocol names kinds of split, and so does {other}",
            where=f"--protocol {protocol}",
            remedy=f"leave one of them out; --protocol {protocol} takes {' and '.join(PROTOCOLS[protocol])}",
        )
    return PROTOCOLS[protocol]


def _print_protocols(records: list[RunRecord]) -> None:
    from reidbench.leaderboard.ranking import leaderboard
    from reidbench.reporting.protocols import protocol_tables

    console = plain_console()
    for table in protocol_tables(leaderboard(records, mixed_splits=True)):
        print_small_table(table, console)
