"""One run, stage by stage: split → fit → represent → match → threshold → metrics → record.

:func:`evaluate` is what ``reidbench run`` calls and what a notebook calls. The core owns split, matching,
threshold and metrics; a method only fits, represents and compares.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reidbench.constants import DEFAULT_POLICY
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split, read_split
from reidbench.data.splitting import AUTO, split_of_kind
from reidbench.matching.episode import GalleryMode
from reidbench.methods.contract import MethodSpec
from reidbench.methods.presets import PAPER, stored_preset
from reidbench.progress import Progress, RichProgress
from reidbench.records.migrations import SCHEMA
from reidbench.records.question import Question
from reidbench.records.run_data import (
    DatasetData,
    FitData,
    MatchingData,
    MetricsData,
    PluginData,
    RunData,
    SettingsData,
    SplitData,
    ThresholdData,
    WeightsData,
)
from reidbench.records.run_record import RunRecord, check_writable, discard_work, read_run, run_dir, write_run
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry, canonical, load_registry
from reidbench.running.blindness_of_run import blindness_of
from reidbench.running.building import assemble, effective_settings
from reidbench.running.calibrated_features import calibrate_run
from reidbench.running.decided import decide
from reidbench.running.environment import choose_device, describe_environment
from reidbench.running.extractor import Extractor
from reidbench.running.keypoint_part import keypoint_part
from reidbench.running.matched import match_episodes
from reidbench.running.provenance import describe_code
from reidbench.running.run_files import run_files
from reidbench.running.setup import Setup
from reidbench.version import __version__

DEFAULT_DATASET = "patterns"


def evaluate(
    method: str,
    dataset: str | ImageSet = DEFAULT_DATASET,
    *,
    root: str | Path | None = None,
    split: str | Path | Split | None = None,
    split_kind: str = AUTO,
    split_seed: int = 0,
    new_share: float | None = None,
    seed: int = 0,
    gallery: GalleryMode = "group",
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    threshold: str = DEFAULT_POLICY,
    device: str = "auto",
    runs_dir: str | Path = "runs",
    again: bool = False,
    progress: Progress | None = None,
    plugins: Sequence[str | Path] = (),
    registry: Registry | None = None,
    store_dir: str | Path | None = None,
    agree: Callable[[Question], None] = lambda _: None,
) -> RunRecord:
    """Run one method on one dataset and return the record that was written.

    Args:
        method: Name of a method, or ``distribution:method``.
        dataset: Name, CSV or Parquet file, folder, or an :class:`ImageSet`.
        root: Folder of the images, where the dataset needs one.
        split: A split or its CSV; by default one is made.
        split_kind: ``auto`` (the one that the dataset comes with, else ``open-set``), ``given``, ``competition``, or as
            :func:`reidbench.make_split` takes it.
        split_seed: Seed of the split that is made.
        new_share: Share of calibration and of test queries that show new animals, in (0, 1); by default the kind's own.
        seed: Seed of the method.
        gallery: Search the query's own ``group``, or ``all``.
        preset: A named set of settings; by default ``quick`` on the built-in dataset, else ``paper``.
        settings: Settings that override the preset, by name.
        threshold: Policy that chooses the threshold on the calibration episode.
        device: ``auto``, ``cpu`` or ``cuda``.
        runs_dir: Where run folders are kept.
        again: Repeat a run that stands already.
        progress: Where bars and warnings go; by default to stderr.
        plugins: Python files with methods of your own, besides the installed plugins.
        registry: Methods to choose from; by default those of the installed plugins and of ``plugins``.
        store_dir: Where representations are kept; by default the cache.
        agree: Called before the work with all inputs that decide the run's id; it may raise to refuse the run.

    Raises:
        ReidbenchError: Something a user can mend.

    Example:
        >>> record = evaluate("color_histogram", "patterns:identities=12,size=64")  # doctest: +SKIP
        >>> record.metrics["score"]  # doctest: +SKIP
    """
    progress = progress or RichProgress()
    registry = registry or load_registry(files=plugins)
    offer = registry.find(method)
    images = dataset if isinstance(dataset, ImageSet) else load_dataset(dataset, Path(root) if root else None, registry)
    preset = preset_name(offer.spec, preset, images)
    effective = effective_settings(offer.spec, preset, settings or {})
    policy = registry.policy(threshold)
    asked = canonical(threshold, policy)
    if isinstance(split, Split):
        chosen = split
    elif split is not None:
        chosen = read_split(Path(split), images)
    else:
        chosen = split_of_kind(images, split_kind, seed=split_seed, new_share=new_share)
    for warning in chosen.warnings:
        progress.warn(warning)
    runs_dir = Path(runs_dir)
    check_writable(runs_dir)
    assembled = assemble(offer, effective, registry)
    built = assembled.method
    device = choose_device(device)
    assembled.prepare(device, seed, progress)
    question = Question(
        method=offer.spec.name,
        plugin=PluginData(
            name=offer.distribution,
            version=offer.version,
            method_version=offer.spec.version,
            calibrated_by=assembled.curve_plugin,
        ),
        settings=effective.model_dump(mode="json"),
        weights=WeightsData(**asdict(built.weights)),
        parts=assembled.recorded_parts,
        dataset=images.digest,
        split=chosen.digest,
        seed=seed,
        gallery=gallery,
        threshold=asked,
    )
    agree(question)
    path = run_dir(runs_dir, images.name, offer.spec.name, question.id)
    standing = None if again else read_run(path)
    if standing is not None:
        return standing

    code = describe_code(assembled.offers)  # before the work: hours later the source may be another
    store = Path(store_dir) if store_dir else None
    setup = Setup(assembled, images, chosen, seed, gallery, device, progress)
    setup.check_learned()
    extractor = Extractor(setup, path / "work", store)
    extracted = extractor.extract()
    calibrated = calibrate_run(setup, extracted.features)
    matched = match_episodes(setup, calibrated, policy)
    decided = decide(matched, policy)
    for note in decided.thresholds.notes:
        progress.warn(note)
    blindness = blindness_of(extractor, calibrated.features, matched, decided.thresholds, is_new=extracted.is_new)
    seconds = {**extracted.seconds, **calibrated.seconds, **matched.seconds}
    data = RunData(
        schema_version=SCHEMA,
        id=question.id,
        decided_again_from=None,
        method=question.method,
        plugin=question.plugin,
        dataset=DatasetData(
            name=images.name,
            asked=images.asked[0] or None,
            root=images.asked[1] or None,
            digest=images.digest,
            note=images.note,
            n_images=len(images),
            n_identities=int(images.table["identity"].nunique()),
            set_aside=images.set_aside,
        ),
        split=SplitData(
            digest=chosen.digest,
            counts=chosen.counts,
            kind=chosen.kind,
            seed=chosen.seed,
            warnings=chosen.warnings,
            new_share=chosen.new_share,
        ),
        seed=seed,
        preset=None if preset is None else stored_preset(preset),
        settings=SettingsData(given=settings or {}, effective=question.settings),
        weights=question.weights,
        parts=question.parts,
        part_weights={part: WeightsData(**asdict(weights)) for part, weights in assembled.part_weights.items()},
        code=code,
        gallery=gallery,
        matching=MatchingData(
            rule=built.matching,
            metric=built.metric,
            keypoints=keypoint_part(built) is not None,  # whether it or a part can say which points it matched
        ),
        calibration=calibrated.calibrations,
        constants=calibrated.constants,
        threshold=ThresholdData(asked=asked, **decided.thresholds.to_json()),
        metrics=MetricsData(**{part: metrics.to_json() for part, metrics in decided.metrics.items()}),
        fit=FitData(
            history=extracted.fit_report.history,
            notes=extracted.fit_report.notes,
            facts=extracted.fit_report.facts,
        ),
        blindness=blindness,
        timing={**seconds, "total_s": round(sum(seconds.values()), 3)},
        environment=describe_environment(device),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        reidbench=__version__,
    )
    record = write_run(path, data, run_files(setup, matched, decided.thresholds))
    discard_work(path / "work")
    return record


def preset_name(spec: MethodSpec, asked: str | None, images: ImageSet | None = None) -> str | None:
    """Choose the preset; a method without presets has none, so that one ``--preset`` serves several methods."""
    if not spec.presets:
        return None
    if asked is None:
        wanted = "quick" if images is not None and images.source == "built-in" and "quick" in spec.presets else PAPER
        return wanted if wanted in spec.presets else None
    return spec.find_preset(asked)
