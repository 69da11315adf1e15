"""Read the arrays and predictions of a finished run; needs no model and no image.

Reports, thresholds, curves and comparisons of saved runs start here.
"""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from reidbench.csv_files import read_csv
from reidbench.data.splits.split import QUERIES
from reidbench.errors import ReidbenchError
from reidbench.matching.gallery_trials import GalleryTrials
from reidbench.matching.pooling import IMAGE, Pooling, other_best
from reidbench.metrics.answers import Answers
from reidbench.records.file_digests import check_file
from reidbench.records.run_record import RunRecord
from reidbench.thresholds import Thresholds

UNREADABLE: Final = (
    OSError, ValueError, EOFError, LookupError, TypeError, MemoryError, OverflowError, RuntimeError, SyntaxError,
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError,
)  # fmt: skip
"""What numpy and zipfile raise for a damaged file, and what its arrays cause if they do not fit together."""
_AGAIN = "run it again with --again; representations are cached"


@dataclass(frozen=True, slots=True, eq=False)
class SavedEpisode:
    """Scores and predictions of one part of a run, calibration or test.

    Attributes:
        image_id: Image of each query, ``(n_query,)`` strings; for an encounter its first image.
        answers: Truth and best candidates.
        limit: The threshold of each query's best score, ``(n_query,)``.
        predicted: The prediction for each query: an identity or ``NEW_IDENTITY``, ``(n_query,)``.
        own_best: Best score of the query's own identity outside its encounter, ``-inf`` if it has no other image.
        other_best: Best score of any other identity.
        encountered: Whether the gallery has a photograph of the query's encounter. ``None`` if the run did not save
            it.
        encounter_size: Photographs of the query's encounter in the whole dataset, the query included, ``(n_query,)``; 0
            for a query without a date. ``None`` if an earlier version wrote the run.
        pooling: Which images are one query; ``None`` if each image is one query.
        images: Ids of all images of the queries, ``(n_image,)`` strings; ``None`` if each image is one query.
    """

    image_id: NDArray[Any]
    answers: Answers
    limit: NDArray[np.float64]
    predicted: NDArray[Any]
    own_best: NDArray[np.float64]
    other_best: NDArray[np.float64]
    encountered: NDArray[np.bool_] | None = None
    encounter_size: NDArray[np.int64] | None = None
    pooling: Pooling | None = None
    images: NDArray[Any] | None = None

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
        test: The part that the run is judged on.
        thresholds: The thresholds that were chosen.
        gallery: Scores of each gallery image against the rest of the gallery, ``None`` if the run did not save them.
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
    def unit(self) -> str:
        """What one query is, in the plural: ``photographs`` or ``encounters``."""
        return "photographs" if self.test.pooling is None else "encounters"

    @property
    def episodes(self) -> Mapping[str, SavedEpisode]:
        """Both episodes by the name of their part."""
        return {"calibration": self.calibration, "test": self.test}


def read_saved_run(record: RunRecord) -> SavedRun:
    """Read the arrays and predictions of a run. If its queries are encounters, their scores are pooled again.

    Raises:
        ReidbenchError: A file is missing, damaged, or lacks what this version needs.
    """
    with open_scores(record) as file:
        arrays = {name: file[name] for name in file.files}
    predictions = _read_predictions(record)
    try:
        calibration, test = (_episode(record, part, arrays, predictions) for part in QUERIES)
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
            remedy=_AGAIN,
        ) from error
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise ReidbenchError(
            f"the files of a run do not fit together: {error}", where=str(record.path), remedy=_AGAIN
        ) from error
    return SavedRun(record, calibration, test, record.thresholds, gallery, enrolled, enrolled_group)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedAnswers:
    """Truth and prediction of each test query: all that intervals of BAKS, BAUS and score need.

    Attributes:
        image_id: Image of each query, ``(n_query,)`` strings.
        true: True identity, also for a new animal.
        known: Whether it is enrolled.
        group: Group of the query.
        predicted: The prediction, an identity or ``NEW_IDENTITY``.
        image_key: Key of the image of each query; ``None`` if an earlier version wrote the run.
    """

    image_id: NDArray[Any]
    true: NDArray[Any]
    known: NDArray[np.bool_]
    group: NDArray[Any]
    predicted: NDArray[Any]
    image_key: NDArray[Any] | None = None


def read_judged_answers(record: RunRecord) -> JudgedAnswers | None:
    """Read the test predictions of a run without its scores; ``None`` if the run has none.

    Raises:
        ReidbenchError: The files exist and can't be read.
    """
    if not (record.path / "scores.npz").exists() or not (record.path / "predictions.csv").exists():
        return None
    with open_scores(record) as file:  # only the named arrays are read, so scores cost nothing
        image_id, true, group = (file[f"test.{name}"].astype(str) for name in ("image_id", "true", "group"))
        enrolled = file["identities"]
        image_key = file["test.image_key"].astype(str) if "test.image_key" in file else None
        if record.data.query != IMAGE:
            first = Pooling(file["test.encounter"].astype(str), "best").first
            image_id, true, group = image_id[first], true[first], group[first]
            image_key = None if image_key is None else image_key[first]
    path = record.path / "predictions.csv"
    predictions = _read_predictions(record)
    absent = [image for image in image_id.tolist() if ("test", image) not in predictions]
    if absent:
        raise ReidbenchError(f"the predictions of a run lack the query '{absent[0]}'", where=str(path), remedy=_AGAIN)
    predicted = np.array([predictions["test", image][0] for image in image_id.tolist()], dtype=object)
    return JudgedAnswers(image_id, true, np.isin(true, enrolled), group, predicted, image_key)


def read_test_answers(record: RunRecord) -> Answers | None:
    """Read truth and candidates of the test queries without the predictions; ``None`` if the run has none.

    Raises:
        ReidbenchError: The file exists and can't be read.
    """
    if not (record.path / "scores.npz").exists():
        return None
    with open_scores(record) as file:
        if not {"test.candidates", "gallery.identity", "gallery.group"} <= set(file.files):
            return None  # an earlier version wrote it
        answers = _answers(record, "test", file)
        pooling = _pooling(record, "test", file)
        return answers if pooling is None else pooling.pool(answers)


@contextmanager
def open_scores(record: RunRecord) -> Iterator[NpzFile]:
    """Open the saved arrays of a run.

    Raises:
        ReidbenchError: The file is missing or damaged, or an array that is read inside is.
    """
    path = record.path / "scores.npz"
    check_file(record.path, path.name, record.data.files)
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except UNREADABLE as error:
        raise ReidbenchError(
            f"the saved scores of a run can't be read: {error}", where=str(path), remedy=_AGAIN
        ) from error


def _episode(
    record: RunRecord,
    part: str,
    arrays: Mapping[str, NDArray[Any]],
    predictions: Mapping[tuple[str, str], tuple[str, float]],
) -> SavedEpisode:
    image_id = arrays[f"{part}.image_id"].astype(str)
    answers = _answers(record, part, arrays)
    pooling = _pooling(record, part, arrays)
    own, encountered, size = (arrays.get(f"{part}.{name}") for name in ("own_best", "encountered", "encounter_size"))
    if own is None:
        raise KeyError(f"{part}.own_best")
    images = None
    if pooling is None:
        other = arrays[f"{part}.other_best"]
    else:
        images, image_id, own = image_id, image_id[pooling.first], pooling.pool_own(own, answers)
        answers = pooling.pool(answers)
        other = other_best(answers)
        encountered = None if encountered is None else pooling.any(encountered)
        size = None if size is None else size[pooling.first]
    predicted = [predictions[part, str(image)] for image in image_id]
    return SavedEpisode(
        image_id=image_id,
        answers=answers,
        limit=np.array([limit for _, limit in predicted], dtype=np.float64),
        predicted=np.array([identity for identity, _ in predicted], dtype=object),
        own_best=own,
        other_best=other,
        encountered=encountered,
        encounter_size=size,
        pooling=pooling,
        images=images,
    )


def _pooling(record: RunRecord, part: str, arrays: Mapping[str, NDArray[Any]]) -> Pooling | None:
    if record.data.query == IMAGE:
        return None
    return Pooling.of(record.data.query, arrays[f"{part}.encounter"].astype(str))


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


def _read_predictions(record: RunRecord) -> dict[tuple[str, str], tuple[str, float]]:
    """Return prediction and threshold by part and image."""
    path = record.path / "predictions.csv"
    check_file(record.path, path.name, record.data.files)
    table = read_csv(path, "predictions of a run", remedy=_AGAIN)
    names = ("part", "image_id", "identity", "threshold")
    table.require(*names, remedy=_AGAIN)
    predicted = {}
    for index, (part, image_id, identity, threshold) in enumerate(zip(*map(table.column, names), strict=True)):
        try:
            predicted[part, image_id] = identity, float(threshold)
        except ValueError as error:
            raise ReidbenchError(
                f"the predictions of a run can't be read: the threshold '{threshold}' is not a number",
                where=table.where(index),
                remedy=_AGAIN,
            ) from error
    return predicted
