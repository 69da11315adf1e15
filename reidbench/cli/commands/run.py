"""``reidbench run``: run methods on one dataset, run all methods of a file, or repeat a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reidbench.cli.downloading import fetch
from reidbench.cli.given import given_options, refuse_others
from reidbench.cli.memory_limit import is_number, limit_of_number, use_memory_or_limit
from reidbench.cli.options import (
    MEMORY_HELP,
    BoxOption,
    ColumnsOption,
    DeviceOption,
    EncounterMinutesOption,
    FoldersOption,
    NameOption,
    NewShareOption,
    PluginOption,
    PresetOption,
    RunsOption,
    SetOption,
    SettingsFileOption,
    SplitKindOption,
    UnknownOption,
    parse_settings,
    settled,
)
from reidbench.cli.repetition import repeat
from reidbench.cli.tables import print_small_table
from reidbench.constants import DEFAULT_POLICY
from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.matching.pooling import parse_query
from reidbench.progress import RichProgress, plain_console, print_json, print_line
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


FROM_OBEYS = ("from_", "dataset", "root", "plugin", "device", "memory", "runs", "as_json", "unknown", "name_word")
BENCHMARK_OBEYS = (
    "benchmark", "plugin", "device", "runs", "again", "isolate", "python", "timeout", "memory", "memory_limit",
    "as_json", "unknown", "name_word", "encounter_minutes",
)  # fmt: skip


def run(
    ctx: typer.Context,
    method: Annotated[list[str] | None, typer.Option(help="Run this method; repeatable.")] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="Use this dataset: a name, a CSV or Parquet file, or a folder; repeatable; by default patterns."
        ),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            help="Read the images from this folder, by default from that of the dataset; once, or once per dataset."
        ),
    ] = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    columns: ColumnsOption = None,
    bbox: BoxOption = None,
    folders: FoldersOption = None,
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
    encounter_minutes: EncounterMinutesOption = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="Set the seed of the method; repeatable; by default 0.")
    ] = None,
    gallery: Annotated[
        str, typer.Option(help="Search the images of the query's group (group) or of all groups (all).")
    ] = "group",
    query: Annotated[
        str,
        typer.Option(
            metavar="UNIT",
            help="Make each photograph a query (image), or each encounter: encounter:best or encounter:mean of the "
            "scores of its photographs.",
        ),
    ] = "image",
    match_sides: Annotated[
        str,
        typer.Option(
            metavar="any|same",
            help="Compare photographs of any side, or only of the same side (column orientation); a photograph of "
            "unknown side is compared with all.",
        ),
    ] = "any",
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
        str | None, typer.Option("--memory", metavar="SIZE", callback=use_memory_or_limit, help=MEMORY_HELP)
    ] = None,
    memory_limit: Annotated[
        float | None, typer.Option(metavar="GIB", help="Stop a run that needs more memory; implies --isolate.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
) -> None:
    """Run methods on a dataset and save a record of each run."""
    console = plain_console(stderr=True)
    if memory is not None and is_number(memory):
        memory_limit = limit_of_number(memory, memory_limit, from_)
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
    file = None
    if settings is not None and from_ is None and benchmark is None:
        from reidbench.experiments.settings_file import read_settings_file

        file = read_settings_file(settings)
        method = settled("--method", method, [file.method] if file.method else None, settings)
        preset = settled("--preset", preset, file.preset, settings)
        dataset = settled("--dataset", dataset, [file.dataset] if file.dataset else None, settings)
        root = settled("--root", root, [Path(file.root)] if file.root else None, settings)
        unknown = settled("--unknown", unknown or None, list(file.unknown) or None, settings)
        name_word = settled("--name", name_word or None, list(file.names) or None, settings)
        named = [f"{role}={header}" for role, header in file.columns.items()]
        columns = settled("--columns", columns or None, named or None, settings)
        bbox = settled("--bbox", bbox, file.bbox, settings)
        folders = settled("--folders", folders, file.folders, settings)
        encounter_minutes = settled("--encounter-minutes", encounter_minutes, file.encounter_minutes, settings)
        if split is None:  # a split on the command line replaces the seed of the file
            split_seed = split_seed or ([file.split_seed] if file.split_seed is not None else None)
        seed = seed or ([file.seed] if file.seed is not None else None)
    places = _places(dataset, root)
    if from_ is not None:
        refuse_others(
            ctx, f"--from {from_}", FROM_OBEYS,
            reason="a run is repeated with its own method, settings, split and policy",
            remedy="remove the other options, or remove --from to make a new run",
        )  # fmt: skip
        if len(places) > 1:
            raise ReidbenchError(
                "a run has one dataset", where=f"--from {from_}", remedy="give --dataset and --root at most once"
            )
        where, folder = (dataset[0] if dataset else None), places[0][1]
        repeat(from_, dataset=where, root=folder, device=device, runs=runs, plugins=plugin or [], as_json=as_json)
        return
    if yes and not download:
        raise ReidbenchError("--yes has no effect without --download", where="--yes", remedy="add --download")
    shared_settings = {}
    if benchmark is not None:
        from reidbench.experiments.benchmark_file import read_benchmark

        refuse_others(
            ctx, f"--benchmark {benchmark}", BENCHMARK_OBEYS,
            reason="the file names datasets, methods, settings and splits",
            remedy="change the file, or remove --benchmark",
        )  # fmt: skip
        jobs = [replace(job, device=device) for job in read_benchmark(benchmark, RichProgress())]
    elif method:
        from reidbench.data.sides import parse_match_sides  # pandas loads here

        if split is not None:
            _check_split_file(ctx, split, places)
        jobs = [
            Job(name, place, folder, split, kind, split_value, new_share, seed_value, gallery, preset,
                {}, threshold, device, tuple(unknown or ()), tuple(name_word or ()),
                columns=tuple(columns or ()), bbox=bbox or "", folders=folders or "",
                query=parse_query(query), match_sides=parse_match_sides(match_sides))
            for place, folder in places
            for kind in _kinds(protocol, split_kind, split)
            for split_value in split_seed or [0]
            for seed_value in seed or [0]
            for name in method
        ]  # fmt: skip
        shared_settings = parse_settings(set_, file)
        if not dataset:
            console.print("no --dataset: using the built-in dataset 'patterns' of drawn animals")
    else:
        raise ReidbenchError(
            "no method is named",
            where="reidbench run",
            remedy="reidbench run --method sift   # reidbench methods lists all",
        )
    if encounter_minutes is not None:
        jobs = [replace(job, encounter_minutes=encounter_minutes) for job in jobs]
    if download:
        for place, folder in places:
            fetch(place, folder, yes=yes, console=console)
    from reidbench.experiments.isolation import Isolation
    from reidbench.experiments.jobs import run_jobs  # numpy and pandas load here

    isolate = isolate or any(limit is not None for limit in (python, timeout, memory_limit))
    isolation = Isolation(python, timeout, memory_limit) if isolate else None
    records, failures = run_jobs(
        jobs, runs_dir=runs, again=again, console=console, plugins=plugin or (), isolation=isolation,
        shared_settings=shared_settings,
    )  # fmt: skip
    if as_json:
        rows = [*(record.data.to_json() for record in records), *({"failed": each.to_json()} for each in failures)]
        print_json(rows)
    else:
        for record in records:
            shown = {name: record.metrics.get(name) for name in ("score", "baks", "baus", "balanced_rank1")}
            numbers = "  ".join(f"{name} {show(value)}" for name, value in shown.items())
            of_dataset = f"{record.dataset}: " if len(places) > 1 else ""
            print_line(f"{of_dataset}{record.method:<18} {numbers}  weights: {record.data.weights.label}")
            print_line(f"  record: {record.path}")
        for each in failures:
            of_dataset = f"{each.dataset}: " if len(places) > 1 else ""
            print_line(f"{of_dataset}{each.method:<18} failed: {each.reason}")
        if protocol == "both":
            _print_protocols(records)
    if failures:
        raise ReidbenchError(
            f"{len(failures)} of {len(jobs)} runs failed: " + ", ".join(each.method for each in failures),
            where="reidbench run",
            remedy="the reason of each is printed above; finished runs are saved",
        )


def _places(dataset: list[str] | None, root: list[Path] | None) -> list[tuple[str, Path | None]]:
    """Return each dataset with the folder of its images; one folder serves all datasets that have one."""
    names, folders = dataset or ["patterns"], root or []
    if len(folders) > 1 and len(folders) != len(names):
        raise ReidbenchError(
            f"{len(folders)} folders were given for {len(names)} datasets",
            where="--root",
            remedy="give --root once for all datasets, or once for each --dataset in the same order",
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ReidbenchError("the dataset was given twice", where=f"--dataset {twice}", remedy="give it once")
    if len(folders) == len(names):
        return list(zip(names, folders, strict=True))
    shared = folders[0] if folders else None
    return [(name, None if name.partition(":")[0] == "patterns" else shared) for name in names]


def _check_split_file(ctx: typer.Context, split: Path, places: list[tuple[str, Path | None]]) -> None:
    given = given_options(ctx)
    others = [given[name] for name in ("split_kind", "split_seed", "new_share") if name in given]
    if others and "protocol" not in given:
        raise ReidbenchError(
            f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} no effect with --split: the file decides",
            where=f"--split {split} {' '.join(others)}",
            remedy="remove --split to make a split, or the other options to use the file",
        )
    if len(places) > 1:
        raise ReidbenchError(
            f"a split file is of one dataset, and {len(places)} datasets were given",
            where=f"--split {split}",
            remedy="run each dataset in a separate command",
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
