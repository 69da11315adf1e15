"""Make several runs, one after another; if one fails, the others continue."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from reidbench.data.encounter_line import describe_encounters, minutes_without_effect
from reidbench.data.images import ImageSet
from reidbench.data.splitting import check_kind
from reidbench.errors import ReidbenchError
from reidbench.experiments.isolation import Isolation, find_interpreter, run_isolated
from reidbench.experiments.one_job import evaluate_job
from reidbench.experiments.shared_settings import settings_by_method
from reidbench.methods.presets import current_preset, stored_preset
from reidbench.progress import print_error
from reidbench.records.failures import FailedRun, MethodFailure, forget_failure, write_failure
from reidbench.records.job import Job
from reidbench.records.run_data import CalibrationData
from reidbench.records.run_record import RunRecord
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import BrokenPluginError, Registry, load_registry
from reidbench.running.building import effective_settings
from reidbench.running.evaluation import preset_name


def run_jobs(
    jobs: list[Job],
    *,
    runs_dir: Path,
    again: bool,
    console: Console,
    plugins: Sequence[Path] = (),
    isolation: Isolation | None = None,
    shared_settings: Mapping[str, Any] | None = None,
) -> tuple[list[RunRecord], list[FailedRun]]:
    """Make all runs; return the records and the failures, which are also saved in the folder of runs.

    Args:
        jobs: The runs to make.
        runs_dir: Folder of runs and failures.
        again: Repeat runs that exist already.
        console: Receives messages about each run.
        plugins: Plugin files, in addition to the installed plugins.
        isolation: Make each run in a separate process with this interpreter and these limits; ``None`` uses this
            process.
        shared_settings: Settings for the methods of all jobs, as :func:`settings_by_method` distributes them.

    Raises:
        ReidbenchError: The only job failed, or the user gave a wrong name, setting or dataset.
    """
    registry = load_registry(files=plugins)
    if isolation is not None:
        find_interpreter(isolation.python)
    if shared_settings:
        by_method, remarks = settings_by_method([job.method for job in jobs], shared_settings, registry)
        jobs = [dataclasses.replace(job, settings={**job.settings, **by_method[job.method]}) for job in jobs]
        for remark in remarks:
            console.print(remark, soft_wrap=True)
    jobs = _with_own_presets(jobs, registry, console)
    for job in jobs:
        _check_names(job, registry, isolation)  # before the first run, so that a typing error does not cost hours
    loaded: dict[tuple[Any, ...], ImageSet] = {}
    for job in jobs:  # all datasets before the first run, for the same reason
        dataset = _dataset_of(job)
        if dataset not in loaded:
            images = load_dataset(job.dataset, job.root, registry, **job.reading())
            loaded[dataset] = images.with_encounter_minutes(job.encounter_minutes)
    announced = set()
    records: list[RunRecord] = []
    failures: list[FailedRun] = []
    for job in jobs:
        dataset = _dataset_of(job)
        if dataset not in announced:
            announced.add(dataset)
            images = loaded[dataset]
            for line in (*images.reading_lines(), f"  {describe_encounters(images)}"):
                console.print(line, soft_wrap=True)
            for line in (*_words_without_effect(job, images), minutes_without_effect(images)):
                if line:
                    console.print(f"  {line}", soft_wrap=True)
        images = loaded[dataset]
        made = f"split kind {job.split_kind}, split seed {job.split_seed}"
        task = f" on {job.dataset}, {made if job.split is None else f'split {job.split}'}, method seed {job.seed}"
        console.print(Text.assemble((job.method, "bold"), task))
        try:
            if isolation is None:
                record = evaluate_job(job, registry, runs_dir=runs_dir, again=again, images=images)
            else:
                record = run_isolated(job, isolation, runs_dir=runs_dir, again=again, plugins=plugins)
        except (Exception, SystemExit) as error:  # code of a plugin may raise anything; the other runs continue
            foreign = isolation is not None and isolation.python is not None  # another interpreter has other plugins
            failure = MethodFailure.of(error, job.method, ("", "") if foreign else _plugin_of(job.method, registry))
            failed = FailedRun.of(job, (images.name, images.digest), failure, isolated=isolation is not None)
            with contextlib.suppress(ReidbenchError):  # the failure itself is reported below
                write_failure(runs_dir, failed)
            if len(jobs) == 1:
                if isinstance(error, SystemExit):
                    raise failure from error
                raise
            print_error(failure, console)
            failures.append(failed)
        else:
            forget_failure(runs_dir, job, images.name)
            label = record.data.weights.label
            preset = current_preset(record.data.preset) if record.data.preset else "none"
            console.print(f"  took {record.data.timing['total_s']:.1f} s; preset: {preset}; weights: {label}")
            for part in record.data.calibration:
                console.print(f"  {_describe_calibration(part)}")
            records.append(record)
    return records, failures


def _dataset_of(job: Job) -> tuple[Any, ...]:
    """Return all that decides which images a job has and how they are read."""
    asked = (job.unknown, job.names, job.columns, job.bbox, job.folders)
    return job.dataset, job.root, *asked, job.encounter_minutes


def _words_without_effect(job: Job, images: ImageSet) -> list[str]:
    """Return a line for each word of ``--unknown`` or ``--name`` that no row of the dataset has."""
    aside = {word.casefold() for word in images.set_aside_words}
    unused = [("--unknown", word) for word in job.unknown if word.strip().casefold() not in aside]
    unused += [("--name", word) for word in job.names if word.strip() not in images.identity]
    return [f"{option} '{word}': no row has this identity" for option, word in unused]


def _with_own_presets(jobs: list[Job], registry: Registry, console: Console) -> list[Job]:
    """Return the jobs without the preset of a method that has no presets, if the preset is meant for another one."""
    presets = {}
    for job in jobs:
        with contextlib.suppress(ReidbenchError):  # a method that can't be found fails later, with its reason
            presets[job.method] = [stored_preset(name) for name in registry.find(job.method).spec.presets]
    own, left_out = [], {}
    for job in jobs:
        without = job.preset is not None and presets.get(job.method) == []
        if without and any(other.preset == job.preset in presets.get(other.method, ()) for other in jobs):
            left_out[job.method] = job.preset
            job = dataclasses.replace(job, preset=None)
        own.append(job)
    for method, preset in left_out.items():
        console.print(f"--preset {current_preset(str(preset))} is not for {method}, which has no presets")
    return own


def _check_names(job: Job, registry: Registry, isolation: Isolation | None) -> None:
    """Check names and settings of a job for typing errors. A broken plugin is no error here; only its run fails."""
    registry.policy(job.threshold)
    check_kind(job.split_kind, job.new_share)
    if isolation is not None and isolation.python is not None:
        return  # another interpreter has other plugins
    try:
        spec = registry.find(job.method).spec
    except BrokenPluginError:
        return
    effective_settings(spec, preset_name(spec, job.preset), job.settings)


def _plugin_of(method: str, registry: Registry) -> tuple[str, str]:
    """Return distribution and version of a method's plugin; both empty if there is none."""
    try:
        offer = registry.find(method)
    except BrokenPluginError as error:
        return error.plugin.distribution, error.plugin.version
    except ReidbenchError:
        return "", ""
    return offer.distribution, offer.version


def _describe_calibration(part: CalibrationData) -> str:
    """Return one line about the score calibration of a part: kind, pairs, ECE, and groups with a separate curve."""
    own = [group for group, scope in part.scope.items() if scope == "own"]
    curves = f"separate curves for {', '.join(own)}" if own else "one curve for all groups"
    if own and len(own) < len(part.scope):
        curves += ", one for the other groups"
    name = f"{part.part} " if part.part else ""
    notes = "".join(f"; {note}" for note in part.notes)
    ece = "" if part.ece is None else f", ECE {part.ece:.3f}"
    return f"{name}calibrated ({part.kind}) on {part.n_pairs} pairs{ece}; {curves}{notes}"
