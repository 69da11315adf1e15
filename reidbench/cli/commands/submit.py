"""``reidbench submit``: write the submission file of a competition from a saved run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from reidbench.cli.options import DeviceOption, MemoryOption, PluginOption, RunsOption
from reidbench.cli.tables import Column, Table
from reidbench.progress import plain_console
from reidbench.reporting.numbers import show

if TYPE_CHECKING:
    from reidbench.submitting.submit import Submission

SECTION = "Use a saved run"


def submit(
    run: Annotated[
        str,
        typer.Argument(help="Read this run on a competition: its folder, its id or the first characters of its id."),
    ],
    root: Annotated[
        Path | None,
        typer.Option(help="Read the competition from this folder; by default from the recorded place."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the submission to this CSV.")] = Path(
        "submission.csv"
    ),
    runs: RunsOption = Path("runs"),
    device: DeviceOption = "auto",
    memory: MemoryOption = None,
    plugin: PluginOption = None,
) -> None:
    """Write the submission file of AnimalCLEF from a saved run.

    The queries of the competition are compared with its whole database.
    """
    from reidbench.registry.registered import load_registry
    from reidbench.submitting.submit import submit as answer

    registry = load_registry(files=plugin or ())
    made = answer(run, output, root=root, runs_dir=runs, device=device, registry=registry)
    _print(made, plain_console())


def _print(made: Submission, console: Console) -> None:
    clusters = made.competition.task == "cluster"
    titles = ["queries", "clusters" if clusters else "new"]
    titles += [] if clusters else ["gallery", "threshold\nof the run", "threshold\nhere"]
    table = Table(
        [Column("dataset", wraps=True), *(Column(title, number=True) for title in titles)],
        title=f"{made.competition.name}: {made.path}",
    )
    for name, each in made.groups.items():
        cells = [str(each.n_queries), str(each.n_new)]
        cells += [] if clusters else [str(each.n_gallery), show(each.run_threshold), show(each.threshold)]
        table.add(name, *cells)
    table.print(console)
    if clusters:
        console.print(f"Mean ARI of the test images of the run, clustered in the same way: {show(made.score)}")
    else:
        console.print(
            f"Score of the test images of the run: {show(made.run_score)} with the gallery of the run; with the whole "
            f"database {show(made.score)}, or {show(made.uncorrected_score)} with the thresholds of the run"
        )
    console.print(f"Checked: the columns, rows, order and values are those of the competition. {made.seconds:.0f} s")
