"""``reidbench masks``: make masks of the animals in a dataset by a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reidbench.cli.options import (
    BoxOption,
    ColumnsOption,
    FoldersOption,
    NameOption,
    PluginOption,
    RootOption,
    UnknownOption,
)
from reidbench.files import write_output
from reidbench.progress import RichProgress, print_line

SECTION = "Images and splits"


def masks(
    dataset: Annotated[str, typer.Argument(help="Make masks of this dataset: a name, a table or a folder.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Write masks, metadata.csv and masks.jpg to this folder."),
    ],
    model: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Use this network, of the kind of U²-Net.")],
    root: RootOption = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    columns: ColumnsOption = None,
    bbox: BoxOption = None,
    folders: FoldersOption = None,
    plugin: PluginOption = None,
) -> None:
    """Make masks of the animals in a dataset by a network."""
    from reidbench.data.sources.columns import parse_columns
    from reidbench.networks.mask_network import MaskNetwork, make_masks
    from reidbench.registry.datasets import load_dataset
    from reidbench.registry.registered import load_registry
    from reidbench.reporting.contact_sheet import mask_sheet

    network = MaskNetwork(model)  # before the dataset, which can take long to read
    registry = load_registry(files=plugin or ())
    images = load_dataset(
        dataset,
        root,
        registry,
        unknown=unknown or (),
        names=name_word or (),
        columns=parse_columns(columns or ()),
        bbox=bbox or "",
        folders=folders or "",
    )
    for line in images.reading_lines():
        print_line(line, stderr=True)
    made = make_masks(images, output, network, RichProgress())
    sheet = output / "masks.jpg"
    write_output(sheet, mask_sheet(load_dataset(str(made.table), None, registry)), "contact sheet")
    kept = len(images) - made.n_new
    print_line(f"{made.n_new} masks made, {kept} kept, {made.n_empty} without an animal")
    print_line(f"look at them: {sheet}")
    print_line(f"use them: reidbench run --method sift --dataset {made.table}")
