"""``reidbench split``: write a split of a dataset as a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reidbench.cli.options import (
    SPLIT_KIND_HELP,
    BoxOption,
    ColumnsOption,
    EncounterMinutesOption,
    FoldersOption,
    NameOption,
    NewShareOption,
    PluginOption,
    RootOption,
    UnknownOption,
)
from reidbench.progress import plain_console, print_line, print_warning

SECTION = "Images and splits"
RENAMED = {"--seed": "--split-seed"}


def split(
    dataset: Annotated[str, typer.Argument(help="Split this dataset: a name, a CSV or Parquet file, or a folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the split to this CSV.")],
    root: RootOption = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    columns: ColumnsOption = None,
    bbox: BoxOption = None,
    folders: FoldersOption = None,
    split_kind: Annotated[str, typer.Option("--split-kind", "--kind", help=SPLIT_KIND_HELP)] = "auto",
    split_seed: Annotated[int, typer.Option(help="Set the seed of the split.")] = 0,
    new_share: NewShareOption = None,
    encounter_minutes: EncounterMinutesOption = None,
    plugin: PluginOption = None,
) -> None:
    """Split a dataset and write the split as a CSV."""
    from reidbench.data.encounter_line import describe_encounters, minutes_without_effect
    from reidbench.data.sources.columns import parse_columns
    from reidbench.data.splits import write_split
    from reidbench.data.splitting import split_of_kind
    from reidbench.registry.datasets import load_dataset
    from reidbench.registry.registered import load_registry

    images = load_dataset(
        dataset, root, load_registry(files=plugin) if plugin else None,
        unknown=unknown or (), names=name_word or (),
        columns=parse_columns(columns or ()), bbox=bbox or "", folders=folders or "",
    )  # fmt: skip
    if encounter_minutes is not None:
        images = images.with_encounter_minutes(encounter_minutes)
    for line in images.reading_lines():
        print_line(line, stderr=True)
    made = split_of_kind(images, split_kind, seed=split_seed, new_share=new_share)
    write_split(made, output)
    print_line(describe_encounters(images), stderr=True)
    unused = minutes_without_effect(images)
    for warning in (*made.warnings, unused) if unused else made.warnings:
        print_warning(warning, plain_console(stderr=True))
    counts = ", ".join(f"{part} {count}" for part, count in made.counts.items() if count)
    print_line(f"{output}: {counts}; digest {made.digest[:16]}")
