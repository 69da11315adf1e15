"""``reidbench split``: write a split that anyone can read and reuse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reidbench.cli.options import SPLIT_KIND_HELP, NewShareOption, PluginOption, RootOption

SECTION = "Images and splits"
RENAMED = {"--seed": "--split-seed"}


def split(
    dataset: Annotated[str, typer.Argument(help="Name, CSV or Parquet file, or folder of the dataset.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV to write.")],
    root: RootOption = None,
    kind: Annotated[str, typer.Option("--kind", "--split-kind", help=SPLIT_KIND_HELP)] = "auto",
    split_seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    new_share: NewShareOption = None,
    plugin: PluginOption = None,
) -> None:
    """Make a split of a dataset and write it as a CSV."""
    from reidbench.data.splits import write_split
    from reidbench.data.splitting import split_of_kind
    from reidbench.registry.datasets import load_dataset
    from reidbench.registry.registered import load_registry

    images = load_dataset(dataset, root, load_registry(files=plugin) if plugin else None)
    made = split_of_kind(images, kind, seed=split_seed, new_share=new_share)
    write_split(made, output)
    for warning in made.warnings:
        typer.echo(f"warning: {warning}", err=True)
    counts = ", ".join(f"{part} {count}" for part, count in made.counts.items() if count)
    typer.echo(f"{output}: {counts}; digest {made.digest[:16]}")
