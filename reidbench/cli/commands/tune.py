"""``reidbench tune``: try a method's grid of settings and save those with the best Rank-1 on calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reidbench.cli.options import (
    BoxOption,
    ColumnsOption,
    DatasetOption,
    DeviceOption,
    EncounterMinutesOption,
    FoldersOption,
    MemoryOption,
    NameOption,
    PluginOption,
    PresetOption,
    RootOption,
    RunsOption,
    SetOption,
    UnknownOption,
    parse_settings,
)
from reidbench.cli.tables import Column, Table
from reidbench.progress import plain_console, print_json, print_line
from reidbench.reporting.numbers import show

SECTION = "Run methods"


def tune(
    method: Annotated[str, typer.Option(help="Try the grid of this method.")],
    dataset: DatasetOption = "patterns",
    root: RootOption = None,
    unknown: UnknownOption = None,
    name_word: NameOption = None,
    columns: ColumnsOption = None,
    bbox: BoxOption = None,
    folders: FoldersOption = None,
    encounter_minutes: EncounterMinutesOption = None,
    plugin: PluginOption = None,
    split_seed: Annotated[int, typer.Option(help="Set the seed of the split.")] = 0,
    seed: Annotated[int, typer.Option(help="Set the seed of the method.")] = 0,
    preset: PresetOption = None,
    set_: SetOption = None,
    device: DeviceOption = "auto",
    memory: MemoryOption = None,
    runs: RunsOption = Path("runs"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the best settings to this JSON file.")] = Path(
        "best.json"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Try a method's grid of settings and save the best ones.

    Saved runs are not repeated.
    """
    from reidbench.data.sources.columns import parse_columns
    from reidbench.experiments.grid_search import tune_method

    cells = tune_method(
        method, dataset, root=root, split_seed=split_seed, seed=seed, preset=preset,
        settings=parse_settings(set_), device=device, runs_dir=runs,
        plugins=plugin or (), unknown=unknown or (), names=name_word or (),
        columns=parse_columns(columns or ()), bbox=bbox or "", folders=folders or "",
        encounter_minutes=encounter_minutes,
    )  # fmt: skip
    cells[0].file.write(output)
    if as_json:
        print_json([cell.to_json() for cell in cells])
        return
    table = Table(
        [
            *(Column(setting, wraps=True) for setting in cells[0].settings),
            *(Column(heading, number=True) for heading in ("Rank-1", "balanced Rank-1", "seconds")),
        ],
        title=f"{method}, judged on calibration",
    )
    for cell in cells:
        numbers = [show(cell.rank1), show(cell.balanced_rank1), show(cell.seconds, 0)]
        table.add(*map(str, cell.settings.values()), *numbers, style="bold" if cell is cells[0] else "")
    table.print(plain_console())
    print_line(f"best settings: {output}   (reidbench run --settings {output})")
