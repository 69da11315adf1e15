"""``reidbench submit``: answer a competition's queries with a saved run, in the file that it takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from reidbench.cli.options import PluginOption, RunsOption
from reidbench.cli.tables import Column, Table
from reidbench.progress import plain_console
from reidbench.reporting.numbers import show

if TYPE_CHECKING:
    from reidbench.submitting.submit import Submission

SECTION = "Use a saved run"


def submit(
    run: Annotated[str, typer.Argument(help="Folder of a run on a competition, or its id or how that begins.")],
    root: Annotated[Path | None, typer.Option(help="The competition's folder; default where the run found it.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV to write.")] = Path("submission.csv"),
    runs: RunsOption = Path("runs"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    plugin: PluginOption = None,
) -> None:
    """Answer a competition's queries against its whole database and write the file that it takes."""
    from reidbench.registry.registered import load_registry
    from reidbench.submitting.submit import submit as answer

    registry = load_registry(files=plugin or ())
    made = answer(run, output, root=root, runs_dir=runs, device=device, registry=registry)
    _print(made, plain_console())


def _print(made: Submission, console: Console) -> None:
    clusters = made.competition.task == "cluster"
    titles = ["asked", "animals found" if clusters else "answered new"]
    titles += [] if clusters else ["gallery", "threshold\nin the run", "threshold\nhere"]
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
        console.print(f"Mean ARI of the run's test images, clustered the same way: {show(made.score)}")
    else:
        console.print(
            f"Score of the run's test images: {show(made.run_score)} with its own gallery; with the whole database "
            f"{show(made.score)}, {show(made.uncorrected_score)} if the thresholds had stayed"
        )
    console.print(f"Checked: columns, rows, order and answers are what the organisers take. {made.seconds:.0f} s")
