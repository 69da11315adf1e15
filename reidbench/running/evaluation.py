"""One run, stage by stage: split → fit → extract → calibrate → match → threshold → metrics → record.

``reidbench run`` and notebooks call :func:`evaluate`. The core owns split, matching, threshold and metrics; a method
only fits, extracts features and compares them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from reidbench.constants import DEFAULT_POLICY
from reidbench.data.encounter_line import minutes_without_effect
from reidbench.data.images import ImageSet
from reidbench.data.memory import obeys_memory
from reidbench.data.names import describe_words
from reidbench.data.sides import ANY, check_sides, parse_match_sides
from reidbench.data.splits import QUERIES, Split, check_groups_are_enrolled, read_split
from reidbench.data.splitting import AUTO, refuse_with_split, split_of_kind
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import GalleryMode
from reidbench.matching.pooling import IMAGE, parse_query
from reidbench.methods.contract import MethodSpec
from reidbench.methods.presets import PAPER, current_preset
from reidbench.progress import Progress, RichProgress
from reidbench.records.image_ids import KEYED_PARTS, rename_images
from reidbench.records.question import Question
from reidbench.records.run_data import PluginData, WeightsData
from reidbench.records.run_record import RunRecord, check_writable, discard_work, find_run_dir, read_run, write_run
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry, canonical, load_registry
from reidbench.running.blindness_of_run import blindness_of
from reidbench.running.building import assemble, effective_settings, resolve_settings
from reidbench.running.calibrated_features import calibrate_run
from reidbench.running.decided import decide
from reidbench.running.environment import choose_device
from reidbench.running.extractor import Extractor
from reidbench.running.leftovers import sweep_quietly
from reidbench.running.masks_used import masks_used
from reidbench.running.matched import match_episodes
from reidbench.running.provenance import describe_code
from reidbench.running.run_content import run_data, run_files
from reidbench.running.setup import Setup
from reidbench.running.slow_pairs import announce_slow_pairs
from reidbench.thresholds.apply import check_policy_suits

DEFAULT_DATASET = "patterns"


@obeys_memory
def evaluate(
    method: str,
    dataset: str | ImageSet = DEFAULT_DATASET,
    *,
    root: str | Path | None = None,
    split: str | Path | Split | None = None,
    split_kind: str = AUTO,
    split_seed: int = 0,
    new_share: float | None = None,
    encounter_minutes: float | None = None,
    seed: int = 0,
    gallery: GalleryMode = "group",
    query: str = IMAGE,
    match_sides: str = ANY,
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
    memory: str | int | None = None,
    agree: Callable[[Question], None] = lambda _: None,
) -> RunRecord:
    """Run one method on one dataset, save the run, and return its record.

    Args:
        method: Name of a method, or ``distribution:method``.
        dataset: Name, CSV or Parquet file, folder, or an :class:`ImageSet`.
        root: Folder of the images, if the dataset needs one.
        split: A split or its CSV; by default a split is made by the next three options, which are refused with it.
        split_kind: ``auto`` (the split of the dataset, if it has one, else ``open-set``), ``given``, ``competition``,
            or a kind that :func:`reidbench.make_split` takes.
        split_seed: Seed of the split that is made.
        new_share: Share of calibration and of test queries that show new animals, in (0, 1); by default that of the
            kind of split.
        encounter_minutes: Longest time in minutes between two photographs that are one encounter because of their
            times; by default that of the dataset, which is 60 unless it was changed.
        seed: Seed of the method.
        gallery: ``group`` if a query searches the gallery of the same group, ``all`` if it searches the whole gallery.
        query: What one query is: ``image``; or ``encounter:best`` or ``encounter:mean``, which pool the scores of the
            photographs of one encounter by their best or their mean.
        match_sides: ``any`` compares photographs of all sides, ``same`` only those with the same value in the column
            ``orientation``, and those of unknown side with all.
        preset: A named set of settings; by default ``quick`` on the built-in dataset, else ``paper``.
        settings: Settings that override the preset, by name.
        threshold: Policy that chooses the threshold on the calibration episode.
        device: ``auto``, ``cpu`` or ``cuda``.
        runs_dir: Where run folders are kept.
        again: Repeat a run that is saved already.
        progress: Where bars and warnings go; by default to stderr.
        plugins: Python files with more methods, in addition to the installed plugins.
        registry: Methods to choose from; by default those of the installed plugins and of ``plugins``.
        store_dir: Folder for features and checkpoints; by default the cache.
        memory: Memory for decoded images and blocks of similarities, such as ``"512MB"`` or ``"2GiB"``, or a number of
            bytes; by default 1 GiB. It changes no result.
        agree: Called before the work with all inputs that decide the run's id; it may raise to refuse the run.

    Raises:
        ReidbenchError: Method, dataset, split or an option are not valid, queries of a group have no gallery, or a file
            can't be read or written.

    Example:
        >>> record = evaluate("color_histogram", "patterns:identities=12,size=64")  # doctest: +SKIP
        >>> record.metrics["score"]  # doctest: +SKIP
    """
    progress = progress or RichProgress()
    registry = registry or load_registry(files=plugins)
    offer = registry.find(method)
    if split is not None:
        refuse_with_split(split_kind, split_seed, new_share)
    images = dataset if isinstance(dataset, ImageSet) else load_dataset(dataset, Path(root) if root else None, registry)
    if encounter_minutes is not None:
        images = images.with_encounter_minutes(encounter_minutes)
        if not isinstance(dataset, ImageSet) and (unused := minutes_without_effect(images)):
            progress.warn(unused)
    if isinstance(dataset, ImageSet):
        _warn_of_words(images, progress)
    images = images.in_canonical_order()
    preset = preset_name(offer.spec, preset, images)
    drawn = images.source == "built-in"
    resolved = resolve_settings(offer.spec, effective_settings(offer.spec, preset, settings or {}, drawn=drawn))
    effective = resolved.settings
    if resolved.warning:
        progress.warn(resolved.warning)
    query = parse_query(query)
    policy = registry.policy(threshold)
    sides = parse_match_sides(match_sides)
    given = f"--query {query}" if query != IMAGE else f"--match-sides {sides}"
    check_policy_suits(policy, query, f"--threshold {threshold} {given}", sides)
    asked = canonical(threshold, policy)
    if isinstance(split, Split):
        chosen = split.on(images)
    elif split is not None:
        chosen = read_split(Path(split), images)
    else:
        chosen = split_of_kind(images, split_kind, seed=split_seed, new_share=new_share)
    for warning in chosen.warnings:
        progress.warn(warning)
    if query != IMAGE:
        _check_encounters(images, chosen, query)
    if warning := check_sides(images, sides):
        progress.warn(warning)
    runs_dir = Path(runs_dir)
    check_writable(runs_dir)
    sweep_quietly(runs_dir, progress)
    assembled = assemble(offer, effective, registry, drawn=drawn, progress=progress)
    built = assembled.method
    device = choose_device(device)
    assembled.prepare(device, seed, progress, may_substitute=drawn)
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
        encounter_minutes=images.encounter_minutes,
        seed=seed,
        gallery=gallery,
        query=query,
        match_sides=sides,
        masks=masks_used(assembled.feature_parts, images),
        threshold=asked,
    )
    agree(question)
    path = find_run_dir(runs_dir, images.name, offer.spec.name, question.id)
    saved = None if again else read_run(path)
    if saved is not None:
        if _rename_images(saved, images, chosen):
            progress.warn(f"this run was made with other image ids; its files in {path} now have those of the dataset")
            return read_run(path) or saved  # with the digests of the files as they are now
        return saved

    if gallery == "group":
        group = images.group
        check_groups_are_enrolled(
            (str(name) for part in QUERIES for name in group[chosen.indices(part, images)]),
            group[chosen.indices("gallery", images)].tolist(),
            where=f"split '{chosen.kind}'",
            remedy="enrol animals of these groups, mark their images as unused, or search all groups: --gallery all",
        )
    code = describe_code(assembled.offers)  # now, since the source may change while the run works
    setup = Setup(assembled, images, chosen, seed, gallery, device, progress, query, sides)
    setup.check_learned()
    extractor = Extractor(setup, Path(store_dir) if store_dir else None)
    extracted = extractor.extract()
    announce_slow_pairs(setup, extracted.features)
    calibrated = calibrate_run(setup, extracted.features)
    matched = match_episodes(setup, calibrated, policy)
    decided = decide(setup, matched, policy)
    for note in decided.thresholds.notes:
        progress.warn(note)
    blindness = blindness_of(extractor, calibrated.features, matched, decided.thresholds, is_new=extracted.is_new)
    data = run_data(
        question,
        setup,
        extracted,
        calibrated,
        matched,
        decided,
        blindness,
        preset=preset,
        given_settings=settings or {},
        code=code,
    )
    record = write_run(path, data, run_files(setup, matched, decided))
    discard_work(path / "work")  # of an earlier version, which trained in the folder of the run
    return record


def _check_encounters(images: ImageSet, split: Split, query: str) -> None:
    """Check that encounters are known, and that a query encounter has several photographs.

    Raises:
        ReidbenchError: All encounters are single photographs, in the dataset or among the queries.
    """
    if not images.placed.any():
        raise ReidbenchError(
            "the dataset does not say which photographs are of one encounter",
            where=f"--query {query}",
            remedy="add a column encounter, or times in the column date (docs/data.md); or remove --query",
        )
    largest = max(
        np.unique(images.encounter[split.indices(part, images)], return_counts=True)[1].max(initial=0)
        for part in QUERIES
    )
    if largest < 2:
        raise ReidbenchError(
            f"no encounter has two query photographs ({images.encounter_rule})",
            where=f"--query {query}",
            remedy="name the column of encounters with --columns encounter=NAME, set --encounter-minutes, or remove "
            "--query",
        )


def _rename_images(record: RunRecord, images: ImageSet, split: Split) -> bool:
    """Write the ids of the dataset in hand into the files of an equal run; return whether they differed."""
    rows = {part: split.indices(part, images) for part in KEYED_PARTS}
    named = {part: (images.image_id[part_rows], images.image_keys[part_rows]) for part, part_rows in rows.items()}
    return rename_images(record, named, list(zip(split.image_ids, split.parts, strict=True)))


def preset_name(spec: MethodSpec, asked: str | None, images: ImageSet | None = None) -> str | None:
    """Choose the preset.

    Args:
        spec: The method.
        asked: Name that the user gave.
        images: The dataset; on the built-in one the default is ``quick``.

    Returns:
        The name of the preset, ``None`` if the method has none.

    Raises:
        ReidbenchError: The method has no such preset.
    """
    if not spec.presets and asked is not None:
        raise ReidbenchError(
            f"{spec.name} has no presets",
            where=f"--preset {current_preset(asked)}",
            remedy="remove --preset; --set KEY=VALUE changes a setting",
        )
    if asked is None:
        drawn = images is not None and images.source == "built-in"
        wanted = "quick" if drawn and spec.quick_by_default and "quick" in spec.presets else PAPER
        return wanted if wanted in spec.presets else None
    return spec.find_preset(asked)


def _warn_of_words(images: ImageSet, progress: Progress) -> None:
    """Warn of words for an unidentified animal in a set that was made in Python, which keeps all its rows."""
    words = Counter(name for name in images.identity.tolist() if images.naming.is_unidentified(name))
    if words:
        progress.warn(
            f"{words.total()} images have a word for an unidentified animal as identity ({describe_words(words)}), and "
            "each word counts as one animal: leave these images out, or name such words in ImageSet(naming=…)"
        )
