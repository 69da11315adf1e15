"""Grid search over the settings of a method: one run for each set of settings, compared on the calibration queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reidbench.data.encounter_line import minutes_without_effect
from reidbench.errors import ReidbenchError
from reidbench.experiments.settings_file import SettingsFile
from reidbench.experiments.shared_settings import settings_by_method
from reidbench.methods.presets import current_preset
from reidbench.progress import Progress, RichProgress
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate


@dataclass(frozen=True, slots=True)
class GridCell:
    """One set of settings of the grid, with its results on the calibration queries.

    Attributes:
        settings: The settings of the grid, by name.
        rank1: Share of known queries whose best candidate is correct.
        balanced_rank1: The same, averaged within each identity first.
        seconds: Duration of the run.
        run: Path of the run folder.
        file: Settings, preset and other inputs of the run.
    """

    settings: Mapping[str, Any]
    rank1: float
    balanced_rank1: float
    seconds: float
    run: str
    file: SettingsFile

    def to_json(self) -> dict[str, Any]:
        """Return the cell as plain JSON values."""
        return {name: value for name, value in asdict(self).items() if name != "file"}


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
    unknown: Sequence[str] = (),
    names: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    bbox: str = "",
    folders: str = "",
    encounter_minutes: float | None = None,
    progress: Progress | None = None,
) -> list[GridCell]:
    """Run a method with every set of settings of its grid.

    The runs are ordinary runs. If the search is interrupted, the same command continues with the missing ones.

    Args:
        method: Name of the method.
        dataset: Name or path of the dataset.
        root: Folder of the images, if the dataset needs one.
        split_seed: Seed of the split.
        seed: Seed of the method.
        preset: Name of a preset of the method.
        settings: Settings for all runs, in addition to those of the grid; ``METHOD.KEY`` is a setting too.
        device: ``auto``, ``cpu`` or ``cuda``.
        runs_dir: Folder of the runs.
        plugins: Plugin files, in addition to the installed plugins.
        unknown: Further words for an unidentified animal.
        names: Words that are names of animals.
        columns: Column of the table for each role.
        bbox: Form of the boxes.
        folders: Layout of the folder.
        encounter_minutes: Longest time between two photographs of one encounter in minutes; by default 60.
        progress: Shows a progress bar.

    Returns:
        One cell for each set of settings, the highest Rank-1 on calibration first; equal ones in the order of the grid.

    Raises:
        ReidbenchError: The method has no grid, or a setting is one that the grid changes.
    """
    registry = load_registry(files=plugins)
    spec = registry.find(method).spec
    if not spec.grid:
        raise ReidbenchError(
            f"{method} has no grid of settings",
            where=f"--method {method}",
            remedy="choose a method with a grid, such as triplet_effnet",
        )
    own = settings_by_method([method], settings or {}, registry)[0][method]
    searched = [key for key in own if any(key in choice for choice in spec.grid)]
    if searched:
        raise ReidbenchError(
            f"the grid of {method} tries values of {', '.join(searched)}",
            where=" ".join(f"--set {key}={own[key]}" for key in searched),
            remedy=f"remove it, or run the method without tune: reidbench run --method {method}",
        )
    progress = progress or RichProgress()
    images = load_dataset(
        dataset, root, registry, unknown=unknown, names=names, columns=columns, bbox=bbox, folders=folders
    )
    if encounter_minutes is not None:
        images = images.with_encounter_minutes(encounter_minutes)
    for note in (*images.unused_words(), minutes_without_effect(images)):
        if note:
            progress.warn(note)
    cells = []
    with progress.stage(f"tune {method}", len(spec.grid)) as stage:
        for choice in spec.grid:
            stage.describe(", ".join(f"{key}={value}" for key, value in choice.items()))
            given = {**own, **choice}
            record = evaluate(
                method, images, split_seed=split_seed, seed=seed, preset=preset,
                settings=given, device=device, runs_dir=runs_dir, encounter_minutes=encounter_minutes,
                progress=Progress(), registry=registry,
            )  # fmt: skip
            overall = record.data.metrics.calibration.overall
            seconds = record.data.timing["total_s"]
            file = SettingsFile(
                settings=given,
                method=method,
                preset=current_preset(record.data.preset) if record.data.preset else None,
                dataset=dataset,
                root=str(root) if root else None,
                unknown=tuple(unknown),
                names=tuple(names),
                columns=dict(columns or {}),
                bbox=bbox or None,
                folders=folders or None,
                encounter_minutes=encounter_minutes,
                split_seed=split_seed,
                seed=seed,
            )
            cells.append(GridCell(choice, overall["rank1"], overall["balanced_rank1"], seconds, str(record.path), file))
            stage.advance()
    return sorted(cells, key=lambda cell: -cell.rank1)
