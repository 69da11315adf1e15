"""Make the run of one job in this process."""

from __future__ import annotations

from pathlib import Path

from reidbench.data.images import ImageSet
from reidbench.progress import RichProgress
from reidbench.records.job import Job
from reidbench.records.run_record import RunRecord
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry
from reidbench.running.evaluation import evaluate


def evaluate_job(
    job: Job, registry: Registry, *, runs_dir: Path, again: bool = False, images: ImageSet | None = None
) -> RunRecord:
    """Make the run of one job in this process.

    Args:
        job: The run to make.
        registry: Registry with the method.
        runs_dir: Folder of runs.
        again: Repeat the run if it exists already.
        images: The dataset of the job, if it was loaded before.
    """
    return evaluate(
        job.method,
        images if images is not None else load_dataset(job.dataset, job.root, registry, **job.reading()),
        encounter_minutes=job.encounter_minutes,
        split=job.split,
        split_kind=job.split_kind,
        split_seed=job.split_seed,
        new_share=job.new_share,
        seed=job.seed,
        gallery=job.gallery,  # type: ignore[arg-type]
        query=job.query,
        match_sides=job.match_sides,
        preset=job.preset,
        settings=job.settings,
        threshold=job.threshold,
        device=job.device,
        runs_dir=runs_dir,
        again=again,
        progress=RichProgress(),
        registry=registry,
    )
