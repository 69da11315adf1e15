"""``reidbench datasets``: what can be named, and what one of them holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reidbench.cli.options import PluginOption, RootOption
from reidbench.errors import ReidbenchError
from reidbench.files import write_output

if TYPE_CHECKING:
    from reidbench.data.images import ImageSet
    from reidbench.registry.registered import Registry

SECTION = "Images and splits"

_WIDE = 110
"""Columns of a terminal from which licences fit beside the numbers."""


def datasets(
    name: Annotated[str | None, typer.Argument(help="Show what this dataset holds.")] = None,
    root: RootOption = None,
    plugin: PluginOption = None,
    sheet: Annotated[
        Path | None, typer.Option("--open", metavar="FILE.jpg", help="Write a contact sheet of the dataset.")
    ] = None,
) -> None:
    """List the datasets that can be named, or count what one holds."""
    from reidbench.registry.datasets import load_dataset
    from reidbench.registry.registered import load_registry

    registry = load_registry(files=plugin or ())
    console = Console(highlight=False)
    if name is None:
        if sheet is not None:
            raise ReidbenchError(
                "a contact sheet is of one dataset",
                where=f"--open {sheet}",
                remedy="reidbench datasets NAME --open FILE",
            )
        _list(registry, root, console)
        return
    images = load_dataset(name, root, registry)
    _describe(images, console)
    if sheet is not None:
        _write_sheet(images, sheet)


def _list(registry: Registry, root: Path | None, console: Console) -> None:
    from reidbench.data.sources.wildlife_facts import DatasetFacts, wildlife_facts
    from reidbench.registry.datasets import dataset_names

    facts = wildlife_facts()
    wide = console.width >= _WIDE
    title = "Datasets; a CSV, Parquet file or folder can be named too"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("dataset", no_wrap=True)
    table.add_column("shows", overflow="fold", max_width=18)
    # A narrow terminal has no place for all: what is on disk needs no download.
    headings = ("images", "animals", *(("download",) if wide or root is None else ()))
    for heading in (*headings, *(("on disk",) if root is not None else ())):
        table.add_column(heading, justify="right", no_wrap=True)
    if wide:
        table.add_column("licence", overflow="fold")
    told = []
    for name, kind, note in dataset_names(registry):
        known = facts.get(name, DatasetFacts())
        folder = None if root is None else root / name
        here = folder is not None and folder.is_dir() and any(folder.iterdir())
        listed = kind == "wildlife-datasets"
        row = {
            "dataset": name,
            "shows": known.animals or ("–" if listed else kind),
            "images": "–" if known.n_images is None else str(known.n_images),
            "animals": "–" if known.n_identities is None else str(known.n_identities),
            "download": "–" if known.size_mb is None else _written(known.size_mb * 1e6),
            "on disk": "yes" if here else "–",
            "licence": known.licence or "–",
        }
        table.add_row(*(Text(row[str(column.header)]) for column in table.columns))
        if not listed:  # what those need is told of all at once
            told.append(f"{name}: {note or kind}.")
    console.print(table)
    for line in told:
        console.print(Text(line))
    console.print(
        "The others are of wildlife-datasets, with the numbers that their authors report; they need --root, the folder "
        "of their files. Here --root DIR says which of them have a folder of their name in DIR."
    )
    if not wide:
        console.print(f"Licences: reidbench datasets NAME, or a terminal of {_WIDE} columns.")


def _describe(images: ImageSet, console: Console) -> None:
    from reidbench.data.sources.wildlife_facts import wildlife_facts

    table = Table(title=Text(images.name), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("group", overflow="fold")
    for heading in ("images", "identities", "single-\nimage", "most\nimages", "dated", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    for group, rows in images.table.groupby("group"):
        sizes = rows["identity"].value_counts()
        dated, single = int((rows["date"] != "").sum()), int((sizes == 1).sum())
        stored = sum(images.image_path(int(row)).stat().st_size for row in rows.index)
        table.add_row(
            Text(str(group)), str(len(rows)), str(len(sizes)), f"{single} ({single / len(sizes):.0%})",
            str(int(sizes.max())), f"{dated} ({dated / len(rows):.0%})", _written(stored),
        )  # fmt: skip
    console.print(table)
    total = len(images) + images.set_aside
    console.print(f"without an identity, set aside: {images.set_aside} of {total} ({images.set_aside / total:.0%})")
    known = wildlife_facts().get(images.name)
    if known is not None:
        console.print(Text(f"licence: {known.licence or 'not stated'}"))
    if images.note:
        console.print(Text(images.note))
    console.print(Text(f"folder: {images.root}", overflow="fold"))
    console.print(f"digest {images.digest[:16]}")


def _write_sheet(images: ImageSet, path: Path) -> None:
    from reidbench.reporting.contact_sheet import contact_sheet

    content = contact_sheet(images)
    write_output(path, content, "contact sheet", "--open")
    typer.echo(f"written to {path} ({_written(len(content))})", err=True)


def _written(size: float) -> str:
    """Return bytes as people write them."""
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"
