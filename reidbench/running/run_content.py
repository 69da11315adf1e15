"""Content of a run folder: the record ``run.json``, tables and arrays."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.data.splits.leaks import shared_encounters
from reidbench.methods.presets import stored_preset
from reidbench.records.blindness_stamp import Blindness
from reidbench.records.migrations import SCHEMA
from reidbench.records.predictions import prediction_rows
from reidbench.records.question import Question
from reidbench.records.run_data import (
    DatasetData,
    FitData,
    MatchingData,
    MetricsData,
    ReadingData,
    RunData,
    SettingsData,
    SharedEncounters,
    SplitData,
    ThresholdData,
    WeightsData,
)
from reidbench.records.run_record import RunFiles
from reidbench.running.calibrated_features import CalibratedFeatures
from reidbench.running.decided import Decided
from reidbench.running.environment import describe_environment
from reidbench.running.extracted import Extracted
from reidbench.running.keypoint_part import keypoint_part
from reidbench.running.matched import Matched
from reidbench.running.setup import Setup
from reidbench.version import __version__


def run_data(
    question: Question,
    setup: Setup,
    extracted: Extracted,
    calibrated: CalibratedFeatures,
    matched: Matched,
    decided: Decided,
    blindness: Blindness,
    *,
    preset: str | None,
    given_settings: Mapping[str, Any],
    code: Mapping[str, Mapping[str, Any]],
) -> RunData:
    """Return the record of a run.

    Args:
        question: The inputs of the run, which decide its id.
        setup: Method, images, split and options.
        extracted: Result of fitting and extraction.
        calibrated: Result of score calibration.
        matched: Result of matching.
        decided: Thresholds and metrics.
        blindness: Result of the blindness tests.
        preset: Name of the preset.
        given_settings: Settings that the user gave.
        code: Versions and git state of the code, from :func:`describe_code`.
    """
    images, split, report = setup.images, setup.split, extracted.fit_report
    seconds = {**extracted.seconds, **calibrated.seconds, **matched.seconds}
    weights = setup.assembled.part_weights
    return RunData(
        schema_version=SCHEMA,
        id=question.id,
        decided_again_from=None,
        method=question.method,
        plugin=question.plugin,
        dataset=DatasetData(
            name=images.name,
            asked=images.asked[0] or None,
            root=images.asked[1] or None,
            digest=question.dataset,
            digest_rule=images.digest_rule,
            note=images.note,
            n_images=len(images),
            n_identities=len(np.unique(images.identity)),
            set_aside=images.set_aside,
            set_aside_words=images.set_aside_words,
            unknown_words=images.naming.unknown,
            name_words=images.naming.names,
            encounter_minutes=images.encounter_minutes,
            encounter_column=images.encounter_column,
            n_encounters=len(np.unique(images.encounter)),
            reading=ReadingData(
                columns=images.reading.columns,
                columns_not_used=images.reading.columns_not_used,
                columns_option=images.reading.options.columns,
                bbox_option=images.reading.options.bbox,
                layout=images.reading.layout,
                folders_option=images.reading.options.folders,
                n_boxes=images.reading.boxes.n,
                n_boxes_cut=images.reading.boxes.n_cut,
                n_boxes_small=images.reading.boxes.n_small,
            ),
        ),
        split=SplitData(
            digest=question.split,
            counts=split.counts,
            kind=split.kind,
            seed=split.seed,
            warnings=split.warnings,
            new_share=split.new_share,
            encounters_shared=_shared(split, images),
        ),
        seed=question.seed,
        preset=None if preset is None else stored_preset(preset),
        settings=SettingsData(given=given_settings, effective=question.settings),
        weights=question.weights,
        parts=question.parts,
        part_weights={path: WeightsData(**asdict(part_weights)) for path, part_weights in weights.items()},
        code=code,
        gallery=question.gallery,
        query=question.query,
        match_sides=question.match_sides,
        masks=question.masks,
        matching=MatchingData(
            rule=setup.method.matching,
            metric=setup.method.metric,
            keypoints=keypoint_part(setup.method) is not None,
        ),
        calibration=calibrated.calibrations,
        constants=calibrated.constants,
        threshold=ThresholdData(asked=question.threshold, **decided.thresholds.to_json()),
        metrics=MetricsData(**{part: metrics.to_json() for part, metrics in decided.metrics.items()}),
        fit=FitData(history=report.history, notes=report.notes, facts=report.facts),
        blindness=blindness,
        timing={**seconds, "total_s": round(sum(seconds.values()), 3)},
        environment=describe_environment(setup.device),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        reidbench=__version__,
    )


def run_files(setup: Setup, matched: Matched, decided: Decided) -> RunFiles:
    """Return the split, the predictions and the scores of a run; the scores are those of single images."""
    images, gallery = setup.images, setup.rows["gallery"]
    rows: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {
        "identities": setup.enrolled,
        "gallery.image_id": images.image_id[gallery],
        "gallery.identity": images.identity[gallery],
        "gallery.group": images.group[gallery],
    }
    if matched.gallery_trials is not None:
        arrays["gallery.own_best"] = matched.gallery_trials.own_best
        arrays["gallery.other_best"] = matched.gallery_trials.other_best
    arrays["fit.image_id"] = images.image_id[setup.rows["fit"]]
    for part, part_rows in setup.rows.items():
        arrays[f"{part}.image_key"] = images.image_keys[part_rows]
    encounter_size = _encounter_size(images)
    for part, episode in matched.episodes.items():
        answers = episode.answers
        image_id = images.image_id[episode.rows]
        pooling = decided.poolings[part]
        rows += prediction_rows(part, image_id, decided.answers[part], decided.thresholds, pooling)
        if pooling is not None:
            arrays[f"{part}.encounter"] = pooling.encounter
        arrays |= {
            f"{part}.image_id": image_id,
            f"{part}.image_key": images.image_keys[episode.rows],
            f"{part}.true": answers.true.astype(str),
            f"{part}.group": answers.group.astype(str),
            f"{part}.candidates": answers.candidates.astype(str),
            f"{part}.scores": answers.scores,
            f"{part}.average_precision": answers.average_precision,
            f"{part}.own_best": episode.own_best,
            f"{part}.other_best": episode.other_best,
            # Whether the gallery holds a photograph of the query's encounter.
            f"{part}.encountered": np.isin(images.encounter[episode.rows], images.encounter[gallery]),
            f"{part}.encounter_size": encounter_size[episode.rows],
        }
    return RunFiles(list(zip(setup.split.image_ids, setup.split.parts, strict=True)), rows, arrays)


def _shared(split: Split, images: ImageSet) -> dict[str, SharedEncounters]:
    part_of = dict(zip(split.image_ids, split.parts, strict=True))
    parts = np.array([part_of[image_id] for image_id in images.image_id.tolist()], dtype=object)
    return {
        part: SharedEncounters(count=shared.count, share=shared.share)
        for part, shared in shared_encounters(parts, images).items()
    }


def _encounter_size(images: ImageSet) -> NDArray[np.int64]:
    """Count the photographs in the encounter of each image, ``(n_image,)``; 0 if nothing tells its encounter."""
    _, place, count = np.unique(images.encounter, return_inverse=True, return_counts=True)
    return np.where(images.placed, count[place], 0)
