"""Options that several commands take, and how their text becomes values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from reidbench.cli.renamed import with_new_preset
from reidbench.data.memory import memory_budget
from reidbench.errors import ReidbenchError

if TYPE_CHECKING:
    from reidbench.experiments.settings_file import SettingsFile

_Value = TypeVar("_Value")

DatasetOption = Annotated[
    str,
    typer.Option(help="Use this dataset: a name, a CSV or Parquet file, or a folder."),
]
RootOption = Annotated[
    Path | None, typer.Option(help="Read the images from this folder; by default from the folder of the dataset.")
]
SPLIT_KIND_HELP = (
    "Make a split of this kind: auto (the dataset's own, else open-set), open-set, closed-set, disjoint, given, "
    "competition, time-proportion, time-cutoff[=DAY[,DAY]] or random (docs/time.md)."
)
UnknownOption = Annotated[
    list[str] | None,
    typer.Option("--unknown", metavar="WORD", help="Set aside rows with this word as identity too; repeatable."),
]
NameOption = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="WORD", help="Read this word, such as None, as the name of an animal; repeatable."),
]
EncounterMinutesOption = Annotated[
    float | None,
    typer.Option(
        metavar="MINUTES",
        help="Join photographs of one animal up to this time apart into one encounter; by default 60 (docs/data.md).",
    ),
]
BoxOption = Annotated[
    str | None,
    typer.Option(
        "--bbox",
        metavar="FORM",
        help="Read boxes in this form: xywh (x, y, width, height), xyxy (corners), relative or percent (xywh as shares "
        "or percent of the picture); by default xywh, unless the boxes seem to have another form.",
    ),
]
FoldersOption = Annotated[
    str | None,
    typer.Option(
        "--folders",
        metavar="LAYOUT",
        help="Read a folder without a table in this layout: identity, split/identity, year/identity, station/identity, "
        "group/identity or market; by default the layout is recognised.",
    ),
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="ROLE=COLUMN,…",
        help="Read a role from this column of the table, such as identity=Animal,path=File; ROLE= reads none.",
    ),
]
SplitKindOption = Annotated[str, typer.Option(help=SPLIT_KIND_HELP)]
NewShareOption = Annotated[
    float | None,
    typer.Option(
        help="Set the share of queries that show new animals; by default that of the kind of split, mostly 0.3."
    ),
]
PluginOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE", help="Load a plugin from this Python file; repeatable."),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        callback=with_new_preset,
        help="Use named settings: quick or paper; by default quick on the built-in dataset, else paper.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting of the method; METHOD.KEY=VALUE changes one of several; repeatable.",
    ),
]
SettingsFileOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        help="Read settings from this JSON file. A file of tune also names method, preset, dataset and seeds.",
    ),
]
DeviceOption = Annotated[str, typer.Option(help="Compute on this device: cpu, cuda or auto (cuda if there is a GPU).")]


def use_memory(ctx: typer.Context, value: str | None) -> str | None:
    """Use a memory budget until the command ends."""
    ctx.with_resource(memory_budget(value))
    return value


MEMORY_HELP = (
    "Use at most this memory for decoded photographs and for blocks of similarities, such as 512MB or 2GiB; by default "
    "1GiB. It changes no result."
)
MemoryOption = Annotated[str | None, typer.Option("--memory", metavar="SIZE", callback=use_memory, help=MEMORY_HELP)]
RunsOption = Annotated[Path, typer.Option("--runs", help="Use this folder of runs.")]
RunArgument = Annotated[
    str, typer.Argument(help="Read this run: its folder, its id or the first characters of its id.")
]
RunDatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Read the run's dataset from here, named as in run --dataset; by default from the recorded place.",
    ),
]
SafeCsvOption = Annotated[
    bool,
    typer.Option(
        "--safe-csv", help="Write an apostrophe before cells of the CSV that a spreadsheet would compute, such as =1+1."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def parse_settings(pairs: list[str] | None, file: SettingsFile | None = None) -> dict[str, Any]:
    """Return settings by name: those of the file, replaced by ``KEY=VALUE`` pairs.

    The values of pairs stay text; the settings class of the method converts and checks them.

    Raises:
        ReidbenchError: A pair has no ``=``.
    """
    settings: dict[str, Any] = dict(file.settings) if file else {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ReidbenchError(f"'{pair}' is not KEY=VALUE", where=f"--set {pair}", remedy="write --set epochs=10")
        settings[key.strip()] = value.strip()
    return settings


def settled(option: str, given: _Value | None, of_file: _Value | None, file: Path | None) -> _Value | None:
    """Return the value of an option, or that of the settings file if the option was not given.

    Raises:
        ReidbenchError: The two contradict each other.
    """
    if given is not None and of_file is not None and given != of_file:
        raise ReidbenchError(
            f"{option} and the settings file contradict each other: the file has {of_file!r}",
            where=f"{option} {given} --settings {file}",
            remedy=f"remove {option}, or remove its key from the file",
        )
    return of_file if given is None else given
