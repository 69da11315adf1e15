"""The report's grid search: each cell is a run, judged on the calibration episode, never on test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.progress import Progress, RichProgress
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the grid: its settings and how it did on the calibration queries."""

    settings: Mapping[str, Any]
    rank1: float
    balanced_rank1: float
    seconds: float
    run: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def tune_method(
    method: str,
    dataset: str,
    *,
    root: Path | None = None,
    split_seed: int = 0,
    seed: int = 0,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    runs_dir: Path = Path("runs"),
    plugins: Sequence[Path] = (),
    progress: Progress | None = None,
) -> list[Cell]:
    """Run every cell and return them, the best calibration Rank-1 first; grid order breaks ties.

    Cells are ordinary runs, so a search that was stopped goes on where it was. Methods come from the installed plugins
    and from the files ``plugins``.

    Raises:
        ReidbenchError: The method has no grid.
    """
    registry = load_registry(files=plugins)
    spec = registry.find(method).spec
    if not spec.grid:
        raise ReidbenchError(
            f"{method} offers no grid to search", where=f"--method {method}", remedy="try triplet_effnet"
        )
    progress = progress or RichProgress()
    images = load_dataset(dataset, root, registry)
    cells = []
    with progress.stage(f"tune {method}", len(spec.grid)) as stage:
        for choice in spec.grid:
            stage.describe(", ".join(f"{key}={value}" for key, value in choice.items()))
            record = evaluate(
                method, images, split_seed=split_seed, seed=seed, preset=preset,
                settings={**(settings or {}), **choice}, device=device, runs_dir=runs_dir,
                progress=Progress(), registry=registry,
            )  # fmt: skip
            overall = record.data.metrics.calibration.overall
            seconds = record.data.timing["total_s"]
            cells.append(Cell(choice, overall["rank1"], overall["balanced_rank1"], seconds, str(record.path)))
            stage.advance()
    return sorted(cells, key=lambda cell: -cell.rank1)


def write_best(cells: list[Cell], path: Path) -> None:
    """Write the best cell's settings as JSON that ``run --settings`` takes.

    Raises:
        ReidbenchError: The file can't be written.
    """
    write_output(path, json.dumps(dict(cells[0].settings), indent=2) + "\n", "settings")
