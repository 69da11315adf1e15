"""``reidbench datasets``: what can be named, and what one of them holds."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reidbench.cli.options import PluginOption, RootOption


def datasets(
    name: Annotated[str | None, typer.Argument(help="Show what this dataset holds.")] = None,
    root: RootOption = None,
    plugin: PluginOption = None,
) -> None:
    """List the datasets that can be named, or count what one holds."""
    from reidbench.data.sources import dataset_names, load_dataset
    from reidbench.registry import load_registry

    registry = load_registry(files=plugin or ())
    console = Console(highlight=False)
    if name is None:
        table = Table("dataset", "kind", "note", title="Datasets; a CSV, Parquet file or folder can be named too")
        for row in dataset_names(registry):
            table.add_row(*map(Text, row))
        console.print(table)
        return
    images = load_dataset(name, root, registry)
    table = Table("group", "images", "identities", "single-image", "dated", title=images.name)
    for group, rows in images.table.groupby("group"):
        sizes = rows["identity"].value_counts()
        dated = int((rows["date"] != "").sum())
        table.add_row(str(group), str(len(rows)), str(len(sizes)), str(int((sizes == 1).sum())), str(dated))
    console.print(table)
    if images.set_aside:
        console.print(f"{images.set_aside} rows without an identity were set aside")
    console.print(f"digest {images.digest[:16]}")
