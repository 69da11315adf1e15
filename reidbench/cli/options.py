"""Options that several commands take, and how their text becomes values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from reidbench.cli.renamed import with_new_preset
from reidbench.errors import ReidbenchError

SPLIT_KIND_HELP = (
    "auto (the dataset's own, else open-set), open-set, closed-set, disjoint, given, competition, "
    "time-proportion, time-cutoff[=DAY[,DAY]] or random (docs/time.md)."
)
DatasetOption = Annotated[str, typer.Option(help="Name, CSV or Parquet file, or folder of the dataset.")]
RootOption = Annotated[Path | None, typer.Option(help="Folder of the images, where the dataset needs one.")]
PluginOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE", help="Python file with a plugin of your own; repeatable."),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        callback=with_new_preset,
        help="Use named settings: quick or paper; by default quick on the built-in dataset, else paper.",
    ),
]
NewShareOption = Annotated[
    float | None, typer.Option(help="Share of queries that show new animals; default the kind's own, mostly 0.3.")
]
RunsOption = Annotated[Path, typer.Option("--runs", help="Folder where runs are kept.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable.")
]
SettingsFileOption = Annotated[
    Path | None, typer.Option("--settings", help="JSON file of settings, as tune writes it.")
]


def parse_settings(pairs: list[str] | None, file: Path | None = None) -> dict[str, Any]:
    """Return settings by name: those of the file, overridden by ``KEY=VALUE`` pairs.

    Values stay text where they are; the method's settings class converts and checks them.

    Raises:
        ReidbenchError: A pair has no ``=``, or the file holds no JSON object.
    """
    settings: dict[str, Any] = {}
    if file is not None:
        try:
            settings = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(settings, dict):
                raise ValueError("it holds no object")
        except (OSError, ValueError) as error:
            raise ReidbenchError(
                f"the settings can't be read: {error}",
                where=f"--settings {file}",
                remedy="name a JSON file of settings",
            ) from error
        settings = settings.get("settings", settings)
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ReidbenchError(f"'{pair}' is not KEY=VALUE", where=f"--set {pair}", remedy="write --set epochs=10")
        settings[key.strip()] = value.strip()
    return settings
