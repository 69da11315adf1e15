"""``reidbench run``: run methods on one dataset, run all methods of a file, or repeat a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reidbench.cli.downloading import fetch
from reidbench.cli.options import (
    DatasetOption,
    DeviceOption,
    NameOption,
    NewShareOption,
    PluginOption,
    PresetOption,
    RootOption,
    RunsOption,
    SetOption,
    SettingsFileOption,
    SplitKindOption,
    UnknownOption,
    parse_settings,
)
from reidbench.cli.repetition import repeat
from reidbench.cli.tables import print_small_table
from reidbench.constants import DEFAULT_POLICY
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.progress import RichProgress, plain_console, print_line
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
    method: Annotated[list[str] | None, typer.Option(help="Run this method; repeatable.")] = None,
    dataset: DatasetOption = "patterns",
    root: RootOption = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    plugin: PluginOption = None,
    benchmark: Annotated[Path | None, typer.Option(help="Run all methods of this TOML file.")] = None,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="RUN", help="Repeat this run and compare the numbers: its folder, run.json or id."
        ),
    ] = None,
    split: Annotated[Path | None, typer.Option(help="Use the split in this CSV; by default make one.")] = None,
    split_kind: SplitKindOption = "auto",
    protocol: Annotated[
        str | None,
        typer.Option(help="Use the splits of this protocol: random, time-aware (time-proportion) or both."),
    ] = None,
    split_seed: Annotated[
        list[int] | None, typer.Option(help="Set the seed of the split; repeatable; by default 0.")
    ] = None,
    new_share: NewShareOption = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="Set the seed of the method; repeatable; by default 0.")
    ] = None,
    gallery: Annotated[
        str, typer.Option(help="Search the images of the query's group (group) or of all groups (all).")
    ] = "group",
    preset: PresetOption = None,
    set_: SetOption = None,
    settings: SettingsFileOption = None,
    threshold: Annotated[
        str, typer.Option(help="Choose the threshold by this policy (docs/threshold.md).")
    ] = DEFAULT_POLICY,
    device: DeviceOption = "auto",
    runs: RunsOption = Path("runs"),
    download: Annotated[
        bool,
        typer.Option(
            "--download", help="Download a dataset of wildlife-datasets into --root first, after confirmation."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Download without asking for confirmation.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Repeat a run that is already saved.")] = False,
    isolate: Annotated[bool, typer.Option("--isolate", help="Run each method in a separate process.")] = False,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Run methods with this Python interpreter; implies --isolate.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop a run that takes longer; implies --isolate.")
    ] = None,
    memory: Annotated[
        float | None, typer.Option(metavar="GIB", help="Stop a run that needs more memory; implies --isolate.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
) -> None:
    """Run methods on a dataset and save a record of each run."""
    console = plain_console(stderr=True)
    if gallery not in ("group", "all"):
        raise ReidbenchError(
            f"there is no gallery mode '{gallery}'", where=f"--gallery {gallery}", remedy="choose one of: group, all"
        )
    for option, words in (("--unknown", unknown), ("--name", name_word)):
        if words and from_ is not None:
            raise ReidbenchError(
                f"{option} and --from contradict each other: a repeated run reads names as the run did",
                where=f"{option} {words[0]} --from {from_}",
                remedy=f"remove {option}",
            )
        if words and benchmark is not None:
            raise ReidbenchError(
                f"{option} has no effect with --benchmark",
                where=f"{option} {words[0]} --benchmark {benchmark}",
                remedy=f'write {"unknown" if option == "--unknown" else "names"} = ["{words[0]}"] under [dataset]',
            )
    if from_ is not None:
        where = None if dataset == "patterns" else dataset
        repeat(from_, dataset=where, root=root, device=device, runs=runs, plugins=plugin or [], as_json=as_json)
        return
    shared_settings = {}
    if benchmark is not None:
        from reidbench.experiments.benchmark_file import read_benchmark

        jobs = read_benchmark(benchmark, RichProgress())
    elif method:
        jobs = [
            Job(name, dataset, root, split, kind, split_value, new_share, seed_value, gallery, preset,
                {}, threshold, device, tuple(unknown or ()), tuple(name_word or ()))
            for kind in _kinds(protocol, split_kind, split)
            for split_value in split_seed or [0]
            for seed_value in seed or [0]
            for name in method
        ]  # fmt: skip
        shared_settings = parse_settings(set_, settings)
        if dataset == "patterns":
            console.print("no --dataset: using the built-in dataset 'patterns', animals drawn from a seed")
    else:
        raise ReidbenchError(
            "no method is named",
            where="reidbench run",
            remedy="reidbench run --method sift   # reidbench methods lists all",
        )
    if download:
        fetch(dataset, root, yes=yes, console=console)
    from reidbench.experiments.isolation import Isolation
    from reidbench.experiments.jobs import run_jobs  # numpy and pandas load here

    isolate = isolate or any(limit is not None for limit in (python, timeout, memory))
    isolation = Isolation(python, timeout, memory) if isolate else None
    records, failures = run_jobs(
        jobs, runs_dir=runs, again=again, console=console, plugins=plugin or (), isolation=isolation,
        shared_settings=shared_settings,
    )  # fmt: skip
    if as_json:
        rows = [*(record.data.to_json() for record in records), *({"failed": each.to_json()} for each in failures)]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for record in records:
            shown = {name: record.metrics.get(name) for name in ("score", "baks", "baus", "balanced_rank1")}
            numbers = "  ".join(f"{name} {show(value)}" for name, value in shown.items())
            print_line(f"{record.method:<18} {numbers}  weights: {record.data.weights.label}")
            print_line(f"  record: {record.path}")
        for each in failures:
            print_line(f"{each.method:<18} failed: {each.reason}")
        if protocol == "both":
            _print_protocols(records)
    if failures:
        raise ReidbenchError(
            f"{len(failures)} of {len(jobs)} runs failed: " + ", ".join(each.method for each in failures),
            where="reidbench run",
            remedy="the reason of each is printed above; finished runs are saved",
        )


def _kinds(protocol: str | None, split_kind: str, split: Path | None) -> tuple[str, ...]:
    if protocol is None:
        return (split_kind,)
    if protocol not in PROTOCOLS:
        guess = did_you_mean(protocol, PROTOCOLS)
        raise ReidbenchError(
            f"there is no protocol '{protocol}'",
            where=f"--protocol {protocol}",
            remedy=f"{guess} " * bool(guess) + f"choose one of: {', '.join(PROTOCOLS)}",
        )
    if split is not None or split_kind != "auto":
        other = "--split" if split is not None else "--split-kind"
        raise ReidbenchError(
            f"--protocol and {other} both choose the split",
            where=f"--protocol {protocol}",
            remedy=f"remove one of them; --protocol {protocol} uses the kinds {' and '.join(PROTOCOLS[protocol])}",
        )
    return PROTOCOLS[protocol]


def _print_protocols(records: list[RunRecord]) -> None:
    from reidbench.leaderboard.ranking import leaderboard
    from reidbench.reporting.protocols import protocol_tables

    console = plain_console()
    for table in protocol_tables(leaderboard(records, mixed_splits=True)):
        print_small_table(table, console)
