"""``reidbench curve``: measure saved runs with a smaller gallery, or with the threshold of another dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from reidbench.cli.options import (
    DeviceOption,
    JsonOption,
    MemoryOption,
    PluginOption,
    RootOption,
    RunDatasetOption,
    RunsOption,
)
from reidbench.cli.tables import Column, Table
from reidbench.progress import plain_console, print_json, print_line
from reidbench.reporting.numbers import show

SECTION = "Read saved runs"

curve = typer.Typer(no_args_is_help=True, help="Measure runs with a smaller gallery or another threshold.")
_SHOWN = ("score", "oracle_score", "balanced_rank1", "auroc")
_RunArgument = Annotated[list[str], typer.Argument(help="Measure these runs, by folder or id.")]


@curve.command("gallery-size")
def gallery_size(
    run: _RunArgument,
    runs: RunsOption = Path("runs"),
    draws: Annotated[int, typer.Option(min=1, help="Draw each share of the animals this many times.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Measure saved runs with fewer enrolled animals.

    Reads no image.
    """
    from reidbench.metrics.gallery_size import gallery_sizes
    from reidbench.records.finding import find_run
    from reidbench.records.saved_run import read_saved_run

    measured = []
    for name in run:
        saved = read_saved_run(find_run(name, runs))
        sizes = gallery_sizes(
            saved.test.answers, saved.test.limit, saved.enrolled, saved.enrolled_group, draws=draws
        )  # fmt: skip
        measured.append((saved.record, sizes))
    if as_json:
        rows = [
            {"run": record.id, "method": record.method, "sizes": [size.to_json() for size in sizes]}
            for record, sizes in measured
        ]
        print_json(rows)
        return
    table = _table("Fewer animals enrolled", "method", "run", "animals", *_headings())
    for record, sizes in measured:
        for size in sizes:
            numbers = [show(size.mean[name]) for name in _SHOWN]
            table.add(record.method, record.id, str(size.n_identities), *numbers)
    console = plain_console()
    table.print(console)
    for note in dict.fromkeys(size.reason for _, sizes in measured for size in sizes if size.reason):
        console.print(f"Undefined: {note}.")
    console.print("Thresholds are those of the whole gallery. Queries of removed animals are left out.")


@curve.command("images-per-identity")
def images_per_identity(
    run: _RunArgument,
    runs: RunsOption = Path("runs"),
    dataset: RunDatasetOption = None,
    root: RootOption = None,
    keep: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Keep at most this many gallery images of each animal; repeatable; by default 1, 2, 4 and so on.",
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Draw the images this many times for each number.")] = 3,
    device: DeviceOption = "auto",
    memory: MemoryOption = None,
    plugin: PluginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat runs with fewer gallery images of each animal.

    reidbench report then shows the curve.
    """
    from reidbench.experiments.images_per_identity import images_per_identity as repeat
    from reidbench.progress import RichProgress
    from reidbench.records.finding import find_run
    from reidbench.registry.registered import load_registry
    from reidbench.running.inputs import dataset_of

    records = [find_run(name, runs) for name in run]
    registry = load_registry(files=plugin or ())
    curves = [
        repeat(
            record, dataset_of(record, dataset, root, registry), counts=keep or (), draws=draws, device=device,
            progress=RichProgress(), registry=registry,
        )
        for record in records
    ]  # fmt: skip
    if as_json:
        print_json([each.to_json() for each in curves])
        return
    table = _table("Fewer images of each animal", "method", "run", "images", *_headings())
    for each in curves:
        for images in sorted({point.images for point in each.points}):
            draws_of = [point.metrics for point in each.points if point.images == images]
            numbers = [show(_mean([metrics[name] for metrics in draws_of])) for name in _SHOWN]
            table.add(each.method, each.run_id, str(images), *numbers)
    table.print(plain_console())


@curve.command("carried")
def carried(
    runs: RunsOption = Path("runs"),
    mixed_splits: Annotated[
        bool, typer.Option("--mixed-splits", help="Use methods together that were run on different splits.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Apply the threshold of each dataset to the others.

    Reads no image.
    """
    from reidbench.leaderboard.ranking import compare_runs
    from reidbench.records.soundness import require_runs
    from reidbench.reporting.carried import as_json as carried_as_json
    from reidbench.reporting.carried import carried_thresholds

    saved = require_runs(runs, "compare")
    for run in saved.unreadable:
        print_line(run, stderr=True)
    thresholds = carried_thresholds(compare_runs(saved, mixed_splits=mixed_splits))
    if as_json:
        print_line(carried_as_json(thresholds))
        return
    console = plain_console()
    if not thresholds:
        console.print("There is nothing to show: no method was run on two datasets with the same settings and weights.")
        return
    table = _table("Carried thresholds", "method", "chosen on", "applied to", "runs", "score", "own", "oracle", "lost")
    for each in thresholds:
        table.add(each.method, each.chosen_on, each.applied_to, *each.cells)
    table.print(console)
    console.print(
        "Score: on the test part of one dataset, with a threshold that was chosen on another. Own: with the "
        "was chosen on the dataset itself. Lost: own minus score."
    )


def _headings() -> list[str]:
    from reidbench.metrics.builtin import METRIC

    return [METRIC[name].title for name in _SHOWN]


def _table(title: str, *headings: str) -> Table:
    names = ("method", "chosen on", "applied to")
    columns = [Column(each, number=each not in (*names, "run"), wraps=each in names) for each in headings]
    return Table(columns, title=title)


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined and len(defined) == len(values) else None
