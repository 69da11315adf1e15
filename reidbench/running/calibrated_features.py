"""Second result of a run: features whose scores are calibrated on the calibration queries."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.calibration.calibrate import LabelledRows, Numbering, calibrate, number_curves
from reidbench.calibration.calibrated import Calibrated
from reidbench.data.sides import sides_of
from reidbench.matching.episode import Features
from reidbench.methods.contract import Method
from reidbench.methods.fusion import Combination
from reidbench.methods.representation import Representation
from reidbench.progress import Progress
from reidbench.running.building import combinations
from reidbench.running.combination_constants import choose_constants
from reidbench.running.setup import Setup


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedFeatures:
    """Features with the number of the curve that calibrates the scores of each image as a query.

    Attributes:
        features: Features of ``gallery``, ``calibration`` and ``test``.
        numbering: Which curve calibrates which query; ``None`` if the method has no calibrated part.
        gallery_as_queries: Representation of the gallery with the curves of queries; ``None`` without ``numbering``.
        calibrations: Each score calibration, as the record holds it.
        constants: Constants chosen for each combination, by its path, as the record holds them.
        seconds: ``calibrate_s``.
    """

    features: Mapping[str, Features]
    numbering: Numbering | None = None
    gallery_as_queries: Representation | None = None
    calibrations: Sequence[Mapping[str, Any]] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


def calibrate_run(setup: Setup, features: Mapping[str, Features]) -> CalibratedFeatures:
    """Calibrate the scores of a run and choose the constants of its combinations, both on the calibration queries.

    The method itself keeps the curves and the constants.

    Args:
        setup: The run.
        features: Features of ``gallery``, ``calibration`` and ``test``.
    """
    started = time.perf_counter()
    if isinstance(setup.method, Calibrated) or setup.method.parts:
        calibrated = fit_curves(setup, setup.method, features, setup.progress)
        calibrated = dataclasses.replace(calibrated, constants=_choose_constants(setup, calibrated.features))
    else:
        calibrated = CalibratedFeatures(features)
    return dataclasses.replace(calibrated, seconds={"calibrate_s": round(time.perf_counter() - started, 3)})


def fit_curves(
    setup: Setup, method: Method, features: Mapping[str, Features], progress: Progress
) -> CalibratedFeatures:
    """Fit the curves of a method on the calibration queries, and number the curve of each image.

    Calibration queries are calibrated out of fold, test queries by the mean curve of their group.

    Args:
        setup: The run.
        method: The method of the run, or the same method wrapped for calibration. It keeps the curves.
        features: Features of ``gallery``, ``calibration`` and ``test``.
        progress: Where the bar goes.
    """
    images, rows = setup.images, setup.rows
    identity_code = np.unique(images.identity, return_inverse=True)[1]
    asked = images.given.asked if images.given is not None else None
    groups = images.group[np.concatenate([rows["calibration"], rows["test"]])].tolist()
    groups += asked.group.tolist() if asked is not None else []
    numbering = number_curves(groups, int(identity_code.max()) + 1, setup.seed)
    labelled = {part: _labelled(setup, features[part], identity_code) for part in ("gallery", "calibration")}
    calibrations = calibrate(
        method,
        labelled["calibration"],
        labelled["gallery"],
        numbering,
        by_group=setup.gallery_mode == "group",
        seed=setup.seed,
        progress=progress,
    )
    curves = {
        "gallery": np.zeros(len(rows["gallery"]), np.int64),
        "calibration": numbering.held_out(labelled["calibration"]),
        "test": numbering.mean(images.group[rows["test"]]),
    }
    as_queries = numbering.mean(images.group[rows["gallery"]])
    return CalibratedFeatures(
        features={part: features[part].judged_by(curve) for part, curve in curves.items()},
        numbering=numbering,
        gallery_as_queries=features["gallery"].representation.judged_by(as_queries),
        calibrations=calibrations,
    )


def _labelled(setup: Setup, features: Features, identity_code: NDArray[np.int64]) -> LabelledRows:
    rows, images = features.indices, setup.images
    side = sides_of(images, setup.match_sides)[rows]
    return LabelledRows(features.representation, identity_code[rows], images.group[rows], images.encounter[rows], side)


def _choose_constants(setup: Setup, features: Mapping[str, Features]) -> dict[str, Any]:
    """Choose the constants of each combination that has more than one choice, by its path."""
    constants = {}
    for path, method in combinations(setup.method):
        if isinstance(method, Combination) and len(method.choices()) > 1:
            calibration, gallery = (features[part].part(path) for part in ("calibration", "gallery"))
            constants[path or "."] = choose_constants(
                method,
                setup.images,
                calibration,
                gallery,
                mode=setup.gallery_mode,
                learned=setup.learned,
                match_sides=setup.match_sides,
            )
    return constants
