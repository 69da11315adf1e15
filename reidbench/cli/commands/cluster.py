"""``reidbench cluster``: put the test images of a saved run into clusters, one for each animal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from reidbench.cli.options import (
    DeviceOption,
    JsonOption,
    MemoryOption,
    PluginOption,
    RootOption,
    RunArgument,
    RunDatasetOption,
    RunsOption,
    SafeCsvOption,
)
from reidbench.cli.tables import Column, Table
from reidbench.csv_files import csv_text
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.progress import plain_console, print_json, print_line
from reidbench.reporting.numbers import show

if TYPE_CHECKING:
    from reidbench.metrics.clustering import ClusteringScore

SECTION = "Use a saved run"


def cluster(
    run: RunArgument,
    dataset: RunDatasetOption = None,
    root: RootOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write image_id,cluster of the test images to this CSV.")
    ] = None,
    runs: RunsOption = Path("runs"),
    device: DeviceOption = "auto",
    memory: MemoryOption = None,
    plugin: PluginOption = None,
    safe_csv: SafeCsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cluster the test images of a saved run by animal.

    The cut is chosen on the calibration images.
    """
    from reidbench.clustering.saved_run import cluster_run
    from reidbench.progress import RichProgress
    from reidbench.records.finding import find_run
    from reidbench.registry.registered import load_registry
    from reidbench.running.inputs import dataset_of
    from reidbench.running.reopening import reopen

    if safe_csv and output is None:
        raise ReidbenchError(
            "no CSV is written", where="--safe-csv", remedy="add -o clusters.csv, or remove --safe-csv"
        )
    record = find_run(run, runs)
    registry = load_registry(files=plugin or ())
    images = dataset_of(record, dataset, root, registry)
    reopened = reopen(record, images, registry=registry, device=device, progress=RichProgress())
    clusters = cluster_run(reopened)
    if output is not None:
        _write(output, clusters.image_id.tolist(), clusters.cluster.tolist(), safe=safe_csv)
    chosen = {
        "joining": clusters.cut.rule.joining,
        "anchored": clusters.cut.rule.anchored,
        "probability": 1 - clusters.cut.height,
        "probability_by_group": {name: 1 - height for name, height in clusters.cut.heights.items()},
        "calibration_ari": clusters.cut.ari,
    }
    if as_json:
        print_json({"cut": chosen, **clusters.score.to_json()})
        return
    console = plain_console()
    print_clusters(clusters.score, f"{record.method} on {record.dataset}, test images", console)
    cuts = ", ".join(f"{name} {1 - height:.3f}" for name, height in clusters.cut.heights.items())
    console.print(
        "Two clusters are joined if "
        + (
            "the mean probability that their images show one animal is above a cut: "
            if clusters.cut.rule.joining == "average"
            else "two of their images show one animal with a probability above a cut: "
        )
        + f"{cuts}. "
        + ("Two images may be joined because both resemble one enrolled animal. " if clusters.cut.rule.anchored else "")
        + f"Rule and cuts were chosen on the calibration images (ARI {show(clusters.cut.ari)} there)."
    )
    if output is not None:
        print_line(f"written to {output}", stderr=True)


def print_clusters(score: ClusteringScore, title: str, console: Console) -> None:
    """Print the metrics of clusters, by group and overall."""
    headings = ("images", "animals", "clusters", "ARI", "AMI")
    table = Table([Column("group", wraps=True), *(Column(name, number=True) for name in headings)], title=title)
    for name, each in (*score.groups.items(), ("overall", score.overall)):
        cells = (str(each.n_images), str(each.n_animals), str(each.n_found), show(each.ari, 4), show(each.ami, 4))
        table.add(name, *cells, style="bold" if each is score.overall else "")
    table.print(console)
    console.print(
        "ARI and AMI measure the agreement with the true clusters; 1 is perfect. Overall: the mean over groups."
    )


def _write(path: Path, image_id: list[str], names: list[str], *, safe: bool) -> None:
    write_output(path, csv_text(("image_id", "cluster"), zip(image_id, names, strict=True), safe=safe), "clusters")
