"""``reidbench cluster``: the test images of a saved run in clusters, one for each animal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from reidbench.cli.options import PluginOption, RootOption, RunsOption
from reidbench.cli.tables import Column, Table
from reidbench.csv_files import csv_text
from reidbench.files import write_output
from reidbench.progress import plain_console
from reidbench.reporting.numbers import show

if TYPE_CHECKING:
    from reidbench.metrics.clustering import ClusteringScore

SECTION = "Use a saved run"


def cluster(
    run: Annotated[str, typer.Argument(help="Folder of a finished run, or its id or how that begins.")],
    dataset: Annotated[
        str | None, typer.Option(help="The run's dataset, as run --dataset took it; default where it found it.")
    ] = None,
    root: RootOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV to write: image_id,cluster of the test images.")
    ] = None,
    runs: RunsOption = Path("runs"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    plugin: PluginOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cluster a saved run's test images by its scores, cut where its calibration images say."""
    from reidbench.clustering.saved_run import cluster_run
    from reidbench.progress import RichProgress
    from reidbench.records.finding import find_run
    from reidbench.registry.registered import load_registry
    from reidbench.running.inputs import dataset_of
    from reidbench.running.reopening import reopen

    record = find_run(run, runs)
    registry = load_registry(files=plugin or ())
    images = dataset_of(record, dataset, root, registry)
    reopened = reopen(record, images, registry=registry, device=device, progress=RichProgress())
    found = cluster_run(reopened)
    if output is not None:
        _write(output, found.image_id.tolist(), found.cluster.tolist())
    chosen = {
        "joining": found.cut.rule.joining,
        "anchored": found.cut.rule.anchored,
        "probability": 1 - found.cut.height,
        "probability_by_group": {name: 1 - height for name, height in found.cut.heights.items()},
        "calibration_ari": found.cut.ari,
    }
    if as_json:
        typer.echo(json.dumps({"cut": chosen, **found.score.to_json()}, indent=2, ensure_ascii=False))
        return
    console = plain_console()
    print_clusters(found.score, f"{record.method} on {record.dataset}, test images", console)
    tied = ", images tied by enrolled animals" if found.cut.rule.anchored else ""
    cuts = ", ".join(f"{name} {1 - height:.3f}" for name, height in found.cut.heights.items())
    console.print(
        f"Chosen on calibration (ARI {found.cut.ari:.3f} there): {found.cut.rule.joining}{tied}, joined above {cuts}"
    )
    if output is not None:
        console.print(f"written: {output}")


def print_clusters(score: ClusteringScore, title: str, console: Console) -> None:
    """Print cluster metrics by group."""
    headings = ("images", "animals", "clusters", "ARI", "AMI")
    table = Table([Column("group", wraps=True), *(Column(name, number=True) for name in headings)], title=title)
    for name, each in (*score.groups.items(), ("overall", score.overall)):
        cells = (str(each.n_images), str(each.n_animals), str(each.n_found), show(each.ari, 4), show(each.ami, 4))
        table.add(name, *cells, style="bold" if each is score.overall else "")
    table.print(console)
    console.print("Overall ARI and AMI: unweighted means over groups.")


def _write(path: Path, image_id: list[str], names: list[str]) -> None:
    write_output(path, csv_text(("image_id", "cluster"), zip(image_id, names, strict=True)), "clusters")
