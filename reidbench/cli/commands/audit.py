"""``reidbench audit``: what makes the numbers of a dataset or a split look better than they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from reidbench.cli.options import SPLIT_KIND_HELP, RootOption
from reidbench.cli.tables import print_small_table

SECTION = "Images and splits"


def audit(
    dataset: Annotated[str, typer.Argument(help="Name, CSV or Parquet file, or folder of the dataset.")],
    root: RootOption = None,
    split: Annotated[
        Path | None, typer.Option(help="Look across this split; by default across the one run makes.")
    ] = None,
    split_kind: Annotated[str, typer.Option(help=SPLIT_KIND_HELP)] = "open-set",
    split_seed: Annotated[int, typer.Option(help="Seed of the split that is made.")] = 0,
    no_split: Annotated[bool, typer.Option("--no-split", help="Look at the images alone.")] = False,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Score the runs on this dataset again without what leaks.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a page of the pairs side by side.")
    ] = None,
    repair: Annotated[Path | None, typer.Option(help="Write the split without its leaks to this CSV.")] = None,
    alike: Annotated[
        float, typer.Option(min=0.8, max=1.0, help="Least correlation of two pictures that are one photograph.")
    ] = 0.955,
    burst: Annotated[
        float,
        typer.Option(min=0, max=86400, metavar="SECONDS", help="Longest time between two photographs of one burst."),
    ] = 60.0,
    embedding: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Find near-duplicates by the embeddings of this run too: a folder or an id."),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Run methods on the images with each animal filled, by mask or box.")
    ] = False,
    method: Annotated[
        list[str] | None, typer.Option(help="Method for --background; repeatable, default color_histogram.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything found as JSON.")] = False,
) -> None:
    """Find duplicates, leaks across a split, doubtful names and unreadable images."""
    from reidbench.progress import RichProgress, plain_console
    from reidbench.reporting.audit_build import AuditOptions, run_audit
    from reidbench.reporting.audit_page import as_json as audit_json

    options = AuditOptions(
        split_path=split, split_kind=split_kind, split_seed=split_seed, no_split=no_split, runs_dir=runs, output=output,
        repair=repair, alike=alike, burst_s=burst, embedding=embedding,
        background=tuple(method or ["color_histogram"]) if background else (),
    )  # fmt: skip
    found = run_audit(dataset, root, options, RichProgress())
    if as_json:
        typer.echo(json.dumps(audit_json(found.audit, found.runs, found.probes), indent=2, ensure_ascii=False))
    else:
        console = plain_console()
        for table in found.tables:
            print_small_table(table, console)
    for told in found.written:
        typer.echo(told, err=True)
