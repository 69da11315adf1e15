"""A finished run, read back as what it knew: answers of both episodes, thresholds, and the gallery's trials.

Everything that is decided or shown after a run starts here: no model, no image, no new inference.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.csv_files import read_csv
from reidbench.data.splits.split import QUERIES
from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.metrics.answers import Answers
from reidbench.records.run_record import RunRecord
from reidbench.thresholds import Thresholds


@dataclass(frozen=True, slots=True, eq=False)
class SavedEpisode:
    """One part of a run: what matching said, and what was answered.

    Attributes:
        image_id: Image of each query, ``(n_query,)`` strings.
        answers: Truth and best candidates.
        limit: The threshold that each query's best score was held against, ``(n_query,)``.
        predicted: The answer to each query: an identity or ``NEW_IDENTITY``, ``(n_query,)``.
        own_best: Best score of the query's own identity outside its encounter, ``-inf`` when there is none.
        other_best: Best score of any other identity.
        encountered: Whether the gallery holds a photograph of the query's animal and day, ``None`` where the run does
            not say.
        encounter_size: Photographs of the query's encounter in the whole dataset, the query included, ``(n_query,)``; 0
            for a query without a date. ``None`` if an earlier version wrote the run.
    """

    image_id: NDArray[Any]
    answers: Answers
    limit: NDArray[np.float64]
    predicted: NDArray[Any]
    own_best: NDArray[np.float64]
    other_best: NDArray[np.float64]
    encountered: NDArray[np.bool_] | None = None
    encounter_size: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for name in ("image_id", "limit", "predicted", "own_best", "other_best", "encountered", "encounter_size"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.answers):
                raise ValueError(f"{name} has {len(values)} entries for {len(self.answers)} queries")


@dataclass(frozen=True, slots=True, eq=False)
class SavedRun:
    """A run's record with its episodes.

    Attributes:
        record: The run's ``run.json``.
        calibration: The part that the thresholds were chosen on.
        test: The part that was judged.
        thresholds: What was chosen.
        gallery: The gallery's trials against itself, ``None`` where it was not tried.
        enrolled: Identities of the gallery, each once, sorted, ``(n_identity,)`` strings.
        enrolled_group: Group of each, ``(n_identity,)`` strings.
    """

    record: RunRecord
    calibration: SavedEpisode
    test: SavedEpisode
    thresholds: Thresholds
    gallery: GalleryTrials | None
    enrolled: NDArray[Any]
    enrolled_group: NDArray[Any]

    @property
    def episodes(self) -> Mapping[str, SavedEpisode]:
        """Both episodes by the name of their part."""
        return {"calibration": self.calibration, "test": self.test}


def read_saved_run(record: RunRecord) -> SavedRun:
    """Read the arrays and predictions of a run.

    Raises:
        ReidbenchError: A file is missing, damaged, or lacks what this version needs.
    """
    path = record.path / "scores.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ReidbenchError(
            f"the saved scores of a run can't be read: {error}", where=str(path), remedy="run it again with --again"
        ) from error
    answered = _read_predictions(record.path / "predictions.csv")
    try:
        calibration, test = (_episode(record, part, arrays, answered) for part in QUERIES)
        gallery = None
        if "gallery.own_best" in arrays:
            gallery = GalleryTrials(
                *(arrays[f"gallery.{name}"] for name in ("identity", "group", "own_best", "other_best"))
            )
        enrolled, first = np.unique(arrays["gallery.identity"].astype(str), return_index=True)
        enrolled_group = arrays["gallery.group"].astype(str)[first]
    except KeyError as error:
        raise ReidbenchError(
            f"the run lacks {error.args[0]}: an earlier version wrote it, or a file was changed",
            where=str(record.path),
            remedy="run it again with --again; representations are cached",
        ) from error
    return SavedRun(record, calibration, test, record.thresholds, gallery, enrolled, enrolled_group)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedAnswers:
    """Truth and answer of each test query, which is all that intervals of BAKS, BAUS and score need.

    Attributes:
        image_id: Image of each query, ``(n_query,)`` strings.
        true: True identity, for a new animal the hidden one.
        known: Whether it is enrolled.
        group: Group of the query.
        predicted: The answer, an identity or ``NEW_IDENTITY``.
    """

    image_id: NDArray[Any]
    true: NDArray[Any]
    known: NDArray[np.bool_]
    group: NDArray[Any]
    predicted: NDArray[Any]


def read_judged_answers(record: RunRecord) -> JudgedAnswers | None:
    """Read the test answers of a run without its scores; ``None`` where the run holds none.

    Raises:
        ReidbenchError: The files are there and can't be read.
    """
    path = record.path / "scores.npz"
    if not path.exists() or not (record.path / "predictions.csv").exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:  # members are read one by one, so scores cost nothing
            image_id, true, group = (file[f"test.{name}"].astype(str) for name in ("image_id", "true", "group"))
            enrolled = file["identities"]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ReidbenchError(
            f"the saved scores of a run can't be read: {error}", where=str(path), remedy="run it again with --again"
        ) from error
    answered = _read_predictions(record.path / "predictions.csv")
    predicted = np.array([answered["test", image][0] for image in image_id.tolist()], dtype=object)
    return JudgedAnswers(image_id, true, np.isin(true, enrolled), group, predicted)


def read_test_answers(record: RunRecord) -> Answers | None:
    """Read truth and candidates of the test queries without what was answered; ``None`` where the run holds none.

    Raises:
        ReidbenchError: The file is there and can't be read.
    """
    path = record.path / "scores.npz"
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            if not {"test.candidates", "gallery.identity", "gallery.group"} <= set(file.files):
                return None  # an earlier version's
            return _answers(record, "test", file)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ReidbenchError(
            f"the saved scores of a run can't be read: {error}", where=str(path), remedy="run it again with --again"
        ) from error


def _episode(
    record: RunRecord,
    part: str,
    arrays: Mapping[str, NDArray[Any]],
    answered: Mapping[tuple[str, str], tuple[str, float]],
) -> SavedEpisode:
    image_id = arrays[f"{part}.image_id"]
    answers = _answers(record, part, arrays)
    found = [answered[part, str(image)] for image in image_id]
    return SavedEpisode(
        image_id=image_id.astype(str),
        answers=answers,
        limit=np.array([limit for _, limit in found], dtype=np.float64),
        predicted=np.array([identity for identity, _ in found], dtype=object),
        own_best=arrays[f"{part}.own_best"],
        other_best=arrays[f"{part}.other_best"],
        encountered=arrays.get(f"{part}.encountered"),
        encounter_size=arrays.get(f"{part}.encounter_size"),
    )


def _answers(record: RunRecord, part: str, arrays: Mapping[str, NDArray[Any]]) -> Answers:
    true, group = arrays[f"{part}.true"], arrays[f"{part}.group"]
    enrolled, enrolled_group = arrays["gallery.identity"], arrays["gallery.group"]
    total = len(np.unique(enrolled))
    searched = {
        str(name): len(np.unique(enrolled[enrolled_group == name])) if record.data.gallery == "group" else total
        for name in np.unique(group)
    }
    return Answers(
        true=true.astype(str),
        known=np.isin(true, enrolled),
        group=group.astype(str),
        candidates=arrays[f"{part}.candidates"].astype(object),
        scores=arrays[f"{part}.scores"],
        average_precision=arrays[f"{part}.average_precision"],
        gallery_identities=searched,
    )


def _read_predictions(path: Path) -> dict[tuple[str, str], tuple[str, float]]:
    """Return answer and threshold by part and image."""
    remedy = "run it again with --again; representations are cached"
    table = read_csv(path, "predictions of a run", remedy=remedy)
    names = ("part", "image_id", "identity", "threshold")
    table.require(*names, remedy=remedy)
    predicted = {}
    for index, (part, image_id, identity, threshold) in enumerate(zip(*map(table.column, names), strict=True)):
        try:
            predicted[part, image_id] = identity, float(threshold)
        except ValueError as error:
            raise ReidbenchError(
                f"the predictions of a run can't be read: the threshold '{threshold}' is not a number",
                where=table.where(index),
                remedy=remedy,
            ) from error
    return predicted
