"""Tables and arrays that a run folder holds in addition to ``run.json``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.records.predictions import prediction_rows
from reidbench.records.run_record import RunFiles
from reidbench.running.matched import Matched
from reidbench.running.setup import Setup
from reidbench.thresholds import Thresholds


def run_files(setup: Setup, matched: Matched, thresholds: Thresholds) -> RunFiles:
    """Return the split, the predictions and the scores of a run."""
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
    encounter_size = _encounter_size(images)
    for part, episode in matched.episodes.items():
        answers = episode.answers
        image_id = images.image_id[episode.rows]
        rows += prediction_rows(part, image_id, answers, thresholds)
        arrays |= {
            f"{part}.image_id": image_id,
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


def _encounter_size(images: ImageSet) -> NDArray[np.int64]:
    """Count the photographs in the encounter of each image, ``(n_image,)``; 0 for an image without a date."""
    _, place, count = np.unique(images.encounter, return_inverse=True, return_counts=True)
    return np.where(images.date == "", 0, count[place])
