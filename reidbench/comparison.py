"""Several runs one after another: each failure costs only its own row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from reidbench.benchmark_file import Job
from reidbench.cli_errors import print_error
from reidbench.data.images import ImageSet
from reidbench.data.sources import load_dataset
from reidbench.errors import ReidbenchError
from reidbench.evaluation import evaluate
from reidbench.progress import RichProgress
from reidbench.registry import load_registry
from reidbench.runs import RunRecord


def run_jobs(
    jobs: list[Job], *, runs_dir: Path, again: bool, console: Console, plugins: Sequence[Path] = ()
) -> tuple[list[RunRecord], list[str]]:
    """Run every job; return the records and the names of the methods that failed.

    Methods come from the installed plugins and from the files ``plugins``.

    Raises:
        ReidbenchError: The only job failed, or a dataset that every job needs can't be read.
    """
    registry = load_registry(files=plugins)
    for job in jobs:
        registry.find(job.method)  # a misspelt name should not cost the hours before it
    loaded: dict[tuple[str, Path | None], ImageSet] = {}
    records: list[RunRecord] = []
    failures: list[str] = []
    for job in jobs:
        place = (job.dataset, job.root)
        if place not in loaded:
            loaded[place] = load_dataset(*place, registry)
            images = loaded[place]
            aside = f", {images.set_aside} without identity set aside" if images.set_aside else ""
            console.print(f"{images.name}: {len(images)} images of {images.table['identity'].nunique()} animals{aside}")
        console.print(
            f"[bold]{job.method}[/bold] on {job.dataset}, {job.split_kind} split seed {job.split_seed}, seed {job.seed}"
        )
        try:
            record = evaluate(
                job.method,
                loaded[place],
                split=job.split,
                split_kind=job.split_kind,
                split_seed=job.split_seed,
                new_share=job.new_share,
                seed=job.seed,
                gallery=job.gallery,  # type: ignore[arg-type]
                preset=job.preset,
                settings=job.settings,
                threshold=job.threshold,
                device=job.device,
                runs_dir=runs_dir,
                again=again,
                progress=RichProgress(),
                registry=registry,
            )
        except ReidbenchError as error:
            if len(jobs) == 1:
                raise
            print_error(error, console)
            failures.append(job.method)
        except Exception as error:  # a stranger's method: its row is lost, the others go on
            if len(jobs) == 1:
                raise
            wrapped = ReidbenchError(f"{job.method} raised {type(error).__name__}: {error}", remedy="run it alone")
            print_error(wrapped, console)
            failures.append(job.method)
        else:
            label = record.data["weights"]["label"]
            console.print(
                f"  preset: {record.data['preset'] or '–'}; weights: {label}; {record.data['timing']['total_s']} s"
            )
            for part in record.data.get("calibration") or ():
                console.print(f"  {_calibrated(part)}")
            records.append(record)
    return records, failures


def _calibrated(part: Mapping[str, Any]) -> str:
    """Say in one line what a part's scores were calibrated on, and which groups have a curve of their own."""
    own = [group for group, scope in part["scope"].items() if scope == "own"]
    curves = f"own curves: {', '.join(own)}" if own else "one curve for all groups"
    if own and len(own) < len(part["scope"]):
        curves += "; the others share one"
    name = f"{part['part']} " if part["part"] else ""
    notes = "".join(f"; {note}" for note in part["notes"])
    ece = "" if part["ece"] is None else f", ECE {part['ece']:.3f}"
    return f"{name}calibrated ({part['kind']}) on {part['n_pairs']} pairs{ece}; {curves}{notes}"
