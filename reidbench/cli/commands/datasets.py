"""``reidbench datasets``: list the datasets that have a name, or count the images of one dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from reidbench.cli.given import refuse_options
from reidbench.cli.options import (
    BoxOption,
    ColumnsOption,
    FoldersOption,
    NameOption,
    PluginOption,
    RootOption,
    UnknownOption,
)
from reidbench.cli.tables import Column, Table
from reidbench.constants import UNDEFINED
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.progress import plain_console, print_line
from reidbench.reporting.numbers import show_bytes

if TYPE_CHECKING:
    from reidbench.data.images import ImageSet
    from reidbench.registry.registered import Registry

SECTION = "Images and splits"


def datasets(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="Count the images of this dataset; by default list all datasets.")
    ] = None,
    root: RootOption = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    columns: ColumnsOption = None,
    bbox: BoxOption = None,
    folders: FoldersOption = None,
    plugin: PluginOption = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--open", metavar="FILE.jpg", help="Write a contact sheet of the dataset to this JPEG file."),
    ] = None,
) -> None:
    """List the datasets, or count the images of one."""
    from reidbench.data.sources.columns import parse_columns
    from reidbench.registry.datasets import load_dataset
    from reidbench.registry.registered import load_registry

    registry = load_registry(files=plugin or ())
    console = plain_console()
    if name is None:
        refuse_options(
            ctx, ("unknown", "name_word", "columns", "bbox", "folders"), where="reidbench datasets",
            reason="no dataset is named, so none is read", remedy="name a dataset, or remove the other options",
        )  # fmt: skip
        if sheet is not None:
            raise ReidbenchError(
                "a contact sheet needs one dataset",
                where=f"--open {sheet}",
                remedy="reidbench datasets NAME --open FILE",
            )
        _list(registry, root, console)
        return
    images = load_dataset(
        name,
        root,
        registry,
        unknown=unknown or (),
        names=name_word or (),
        columns=parse_columns(columns or ()),
        bbox=bbox or "",
        folders=folders or "",
    )
    _describe(images, console)
    if sheet is not None:
        _write_sheet(images, sheet)


def _list(registry: Registry, root: Path | None, console: Console) -> None:
    from reidbench.data.sources.wildlife_facts import DatasetFacts, wildlife_facts
    from reidbench.registry.datasets import dataset_names

    facts = wildlife_facts()
    columns = [
        Column("dataset"),
        Column("shows", wraps=True, least=18),
        Column("images", number=True),
        Column("animals", number=True),
        Column("download", number=True, optional=1),
        *([Column("on disk")] if root is not None else []),
        Column("licence", wraps=True, optional=2, least=24),
    ]
    table = Table(
        columns,
        title="Datasets; a CSV or Parquet file or a folder can be used as well",
        elsewhere="reidbench datasets NAME or a wider terminal shows them.",
    )
    notes = []
    for name, kind, note in dataset_names(registry):
        known = facts.get(name, DatasetFacts())
        folder = None if root is None else root / name
        here = folder is not None and folder.is_dir() and any(folder.iterdir())
        listed = kind == "wildlife-datasets"
        row = {
            "dataset": name,
            "shows": known.animals or (UNDEFINED if listed else kind),
            "images": UNDEFINED if known.n_images is None else str(known.n_images),
            "animals": UNDEFINED if known.n_identities is None else str(known.n_identities),
            "download": UNDEFINED if known.size_mb is None else show_bytes(known.size_mb * 1e6),
            "on disk": "yes" if here else UNDEFINED,
            "licence": known.licence or UNDEFINED,
        }
        table.add(*(row[column.title] for column in columns))
        if not listed:  # one sentence below speaks for all those of wildlife-datasets
            notes.append(f"{name}: {note or kind}.")
    table.print(console)
    for line in notes:
        console.print(line)
    console.print(
        "The other datasets are those of wildlife-datasets, with the numbers that their authors report. They need "
        "--root, the folder with their files. reidbench datasets --root DIR shows which of them have a folder in DIR."
    )


def _describe(images: ImageSet, console: Console) -> None:
    from reidbench.data.names import describe_words
    from reidbench.data.sources.wildlife_facts import wildlife_facts

    headings = ("images", "identities", "single-\nimage", "most\nimages", "dated", "size")
    table = Table([Column("group", wraps=True), *(Column(each, number=True) for each in headings)], title=images.name)
    for group, rows in images.table.groupby("group"):
        sizes = rows["identity"].value_counts()
        dated, single = int((rows["date"] != "").sum()), int((sizes == 1).sum())
        stored = sum(images.image_path(int(row)).stat().st_size for row in rows.index)
        table.add(
            str(group), str(len(rows)), str(len(sizes)), f"{single} ({single / len(sizes):.0%})",
            str(int(sizes.max())), f"{dated} ({dated / len(rows):.0%})", show_bytes(stored),
        )  # fmt: skip
    table.print(console)
    console.print(
        "Single-image: animals with one photograph. Most images: photographs of the animal that has the most. Dated: "
        "photographs with a date."
    )
    total = len(images) + images.set_aside
    words = f": {describe_words(images.set_aside_words)}" if images.set_aside_words else ""
    share = f"{images.set_aside} of {total} ({images.set_aside / total:.0%})"
    console.print(f"images without an identity, set aside: {share}{words}")
    known = wildlife_facts().get(images.name)
    if known is not None:
        console.print(f"licence: {known.licence or 'not stated'}")
    for line in (*images.reading.lines(), images.note):
        if line:
            console.print(line, soft_wrap=True)
    console.print(f"folder: {images.root}", soft_wrap=True)
    console.print(f"digest {images.digest[:16]}")


def _write_sheet(images: ImageSet, path: Path) -> None:
    from reidbench.reporting.contact_sheet import contact_sheet

    content = contact_sheet(images)
    write_output(path, content, "contact sheet", "--open")
    print_line(f"written to {path} ({show_bytes(len(content))})", stderr=True)
