"""``reidbench audit``: find what makes scores on a dataset or a split look better than they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reidbench.cli.given import refuse_options
from reidbench.cli.options import (
    BoxOption,
    ColumnsOption,
    EncounterMinutesOption,
    FoldersOption,
    MemoryOption,
    NameOption,
    PluginOption,
    RootOption,
    SplitKindOption,
    UnknownOption,
)
from reidbench.cli.tables import print_small_table
from reidbench.progress import print_json, print_line

SECTION = "Images and splits"


def audit(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Audit this dataset: a name, a CSV or Parquet file, or a folder.")],
    root: RootOption = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    columns: ColumnsOption = None,
    bbox: BoxOption = None,
    folders: FoldersOption = None,
    split: Annotated[Path | None, typer.Option(help="Audit the split in this CSV; by default make one.")] = None,
    split_kind: SplitKindOption = "open-set",
    split_seed: Annotated[int, typer.Option(help="Set the seed of the split.")] = 0,
    no_split: Annotated[bool, typer.Option("--no-split", help="Audit the images without a split.")] = False,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Score the runs in this folder again, without leaked queries.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a page with the pairs side by side to this HTML file.")
    ] = None,
    repair: Annotated[Path | None, typer.Option(help="Write the split without its leaks to this CSV.")] = None,
    alike: Annotated[
        float,
        typer.Option(min=0.8, max=1.0, help="Call two pictures near-duplicates if their correlation is at least this."),
    ] = 0.955,
    burst: Annotated[
        float,
        typer.Option(
            min=0,
            max=86400,
            metavar="SECONDS",
            help="Call photographs of one animal a burst if they are at most this time apart.",
        ),
    ] = 60.0,
    encounter_minutes: EncounterMinutesOption = None,
    memory: MemoryOption = None,
    embedding: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Compare the embeddings of this run too, by folder or id."),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Run methods on the photographs with each animal painted over.")
    ] = False,
    method: Annotated[
        list[str] | None, typer.Option(help="Run this method for --background; repeatable; by default color_histogram.")
    ] = None,
    plugin: PluginOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Find copies, leaks across a split and doubtful names."""
    from reidbench.data.sources.columns import parse_columns
    from reidbench.progress import RichProgress, plain_console
    from reidbench.reporting.audit_build import AuditOptions, run_audit
    from reidbench.reporting.audit_page import as_json as audit_json

    if no_split:
        refuse_options(
            ctx, ("split", "split_kind", "split_seed", "repair"), where="--no-split",
            reason="the images are audited without a split", remedy="remove --no-split, or the other options",
        )  # fmt: skip
    if split is not None:
        refuse_options(
            ctx, ("split_kind", "split_seed"), where=f"--split {split}", reason="the file has the split",
            remedy="remove --split to make a split, or the other options to use the file",
        )  # fmt: skip
    if not background:
        refuse_options(
            ctx, ("method",), where="", reason="methods are only run for --background",
            remedy="add --background, or remove --method",
        )  # fmt: skip
    options = AuditOptions(
        split_path=split, split_kind=split_kind, split_seed=split_seed, no_split=no_split, runs_dir=runs, output=output,
        repair=repair, alike=alike, burst_s=burst, embedding=embedding,
        background=tuple(method or ["color_histogram"]) if background else (),
        unknown=tuple(unknown or ()), names=tuple(name_word or ()),
        
        columns=parse_columns(columns or ()), bbox=bbox or "", folders=folders or "",
        encounter_minutes=encounter_minutes, plugins=tuple(plugin or ()),
    )  # fmt: skip
    result = run_audit(dataset, root, options, RichProgress())
    for line in result.audit.images.reading_lines():
        print_line(line, stderr=True)
    if as_json:
        print_json(audit_json(result.audit, result.runs, result.probes))
    else:
        console = plain_console()
        for place, table in enumerate(result.tables):
            if place:
                console.print()
            print_small_table(table, console)
    for line in result.written:
        print_line(line, stderr=True)
