"""Identify new photographs with a saved run: :func:`identify` gives one prediction and one band for each photograph.

The thresholds are those of the run. The bands (``certain``, ``to be reviewed``, ``new``) are chosen on its calibration
queries; their errors are measured on its test queries, which were not used to choose thresholds or bands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from reidbench.csv_files import csv_text
from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.data.memory import obeys_memory
from reidbench.data.sides import ANY, sides_of
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.identifying.by_encounter import check_unit, pooling_of
from reidbench.identifying.enrolment import read_gallery
from reidbench.identifying.new_photographs import NewPhotographs, joined, read_photographs
from reidbench.identifying.searching import search
from reidbench.matching.pooling import IMAGE
from reidbench.metrics.review_bands import BANDS, Band, Certainty, excess_of, is_right, learn_certainty
from reidbench.metrics.summary import predict
from reidbench.metrics.uncertainty.bootstrap import Interval
from reidbench.metrics.uncertainty.shares import AnimalCounts
from reidbench.progress import Progress, RichProgress
from reidbench.records.finding import find_run
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedEpisode, read_saved_run
from reidbench.registry.registered import Registry, load_registry
from reidbench.running.inputs import change_since, dataset_of
from reidbench.running.reopening import Reopened, reopen

BEST = 5
"""Number of candidates that are listed for each photograph."""
GROWN = 1.1
"""A gallery with more animals than this multiple of the run's gets a note: the threshold may be too low for it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrolled animal that a photograph may show.

    Attributes:
        identity: Identity of the animal.
        score: Score of the animal for this photograph.
        image_id: The gallery image of the animal that is most similar to the photograph.
    """

    identity: str
    score: float
    image_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """The prediction for one photograph.

    Attributes:
        image_id: Path of the photograph inside the folder, or its id in the CSV.
        path: File of the photograph.
        sha256: Digest of the bytes of the file.
        group: Group of the photograph.
        answer: The predicted identity, or ``NEW_IDENTITY``.
        band: ``certain``, ``to be reviewed`` or ``new``.
        score: Score of the best candidate; ``-inf`` if no gallery image could be compared.
        limit: Threshold for this photograph.
        right: Probability that the prediction is correct, estimated on the calibration queries; ``nan`` if no
            calibration query had such a prediction.
        candidates: The best candidates, the highest score first.
        encounter: Number of the encounter whose photographs are one query; empty if each photograph is one query.
    """

    image_id: str
    path: Path
    sha256: str
    group: str
    answer: str
    band: Band
    score: float
    limit: float
    right: float
    candidates: Sequence[Candidate]
    encounter: str = ""


@dataclass(frozen=True, slots=True)
class BandRate:
    """The error of a band, measured on the test queries of the run.

    Attributes:
        band: Name of the band.
        n_photograph: Number of test queries in the band.
        n_animal: Number of animals in these queries.
        wrong: Number of wrong predictions.
        share: Share of wrong predictions, 0 to 1; ``nan`` for an empty band.
        interval: 95 % interval of the share over animals; ``None`` for an empty band.
    """

    band: Band
    n_photograph: int
    n_animal: int
    wrong: int
    share: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, eq=False)
class Identifications:
    """The predictions for a folder of photographs.

    Attributes:
        record: The saved run.
        found: One prediction for each readable photograph, in the order of the folder or CSV.
        gallery: The images that were searched, with absolute paths.
        photographs: The photographs, with the files that could not be read.
        certainty: The rule that puts predictions into bands.
        rates: Error of each band on the test queries of the run.
        notes: Notes for the reader, as sentences.
        options: Options that made the gallery larger than that of the run, such as ``--whole``; empty without them.
        by: What one query is: ``image``, ``encounter:best`` or ``encounter:mean``.
    """

    record: RunRecord
    found: Sequence[Identification]
    gallery: ImageSet
    photographs: NewPhotographs
    certainty: Certainty
    rates: Sequence[BandRate]
    notes: Sequence[str]
    options: str = ""
    by: str = IMAGE

    def count(self, band: Band) -> int:
        """Return how many photographs are in a band."""
        return sum(prediction.band == band for prediction in self.found)

    def to_json(self) -> dict[str, Any]:
        """Return the predictions as plain JSON values; undefined numbers are ``None``."""
        return {
            "run": self.record.id,
            "method": self.record.method,
            "dataset": self.record.dataset,
            "reading": self.record.data.dataset.reading.model_dump(mode="json"),
            "error": self.certainty.error,
            "bands": [
                {
                    "band": rate.band, "photographs": self.count(rate.band), "test_photographs": rate.n_photograph,
                    "test_animals": rate.n_animal, "test_wrong": rate.wrong, "test_share": _finite(rate.share),
                    "low": rate.interval and rate.interval.low, "high": rate.interval and rate.interval.high,
                }
                for rate in self.rates
            ],
            "photographs": [
                {
                    "image_id": prediction.image_id, "identity": prediction.answer, "band": prediction.band,
                    "group": prediction.group, "score": _finite(prediction.score),
                    "threshold": _finite(prediction.limit), "p_right": _finite(prediction.right),
                    "candidates": [
                        {"identity": c.identity, "score": _finite(c.score), "image_id": c.image_id}
                        for c in prediction.candidates
                    ],
                    **({} if self.by == IMAGE else {"encounter": prediction.encounter}),
                }
                for prediction in self.found
            ],
            "unreadable": [{"image_id": name, "reason": reason} for name, reason in self.photographs.unreadable],
            "notes": list(self.notes),
            **({} if self.by == IMAGE else {"by": self.by}),
        }  # fmt: skip


@obeys_memory
def identify(
    photographs: str | Path,
    run: str | Path | RunRecord,
    *,
    dataset: str | None = None,
    root: str | Path | None = None,
    unknown: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    bbox: str = "",
    group: str | None = None,
    gallery: str | Path | None = None,
    whole: bool = False,
    by: str | None = None,
    encounter_minutes: float | None = None,
    error: float = 0.05,
    device: str = "auto",
    runs_dir: str | Path = "runs",
    progress: Progress | None = None,
    registry: Registry | None = None,
    memory: str | int | None = None,
) -> Identifications:
    """Identify new photographs with a saved run.

    Args:
        photographs: Folder of photographs, with its sub-folders, or a CSV with a column ``path``.
        run: Folder of the run, its id or the first characters of the id, or its record.
        dataset: The dataset of the run; by default the place that the run recorded.
        root: Folder of the images, if the dataset needs one.
        unknown: Further words for an unidentified animal in the dataset; by default those of the run.
        names: Words that are names of animals in the dataset; by default those of the run.
        columns: Column of the table of photographs for each role; by default found by name.
        bbox: Form of the boxes of the photographs: ``xywh``, ``xyxy`` or ``relative``.
        group: Group of all photographs; needed if the gallery has several groups and nothing else gives the group.
        gallery: CSV of animals that were enrolled after the run, as ``--enroll`` writes it.
        whole: Search every image of the dataset, not only the gallery of the split.
        by: What one query is, as the run says: ``image`` (the default), ``encounter:best`` or ``encounter:mean``. All
            photographs of one encounter are taken to show one animal.
        encounter_minutes: Longest time in minutes between two photographs of one encounter; by default that of the run.
        error: Share of wrong predictions that the bands ``certain`` and ``new`` may hold, above 0 and below 1.
        device: ``auto``, ``cpu`` or ``cuda``.
        runs_dir: Folder in which the id of a run is looked for.
        progress: Shows progress bars and warnings; by default on stderr.
        registry: Methods and datasets; by default those of the installed plugins.
        memory: Memory for decoded images and blocks of similarities, as for :func:`reidbench.evaluate`.

    Returns:
        The predictions with their bands, the searched gallery and notes.

    Raises:
        ReidbenchError: The run or its dataset cannot be used, no photograph can be read, a group is unknown, or
            ``error`` is out of range.

    Example:
        >>> result = identify("new/", "41ca2d28", dataset="catalogue.csv")  # doctest: +SKIP
        >>> result.found[0].answer, result.found[0].band  # doctest: +SKIP
        ('lynx_37', 'certain')
    """
    if not 0 < error < 1:
        raise ReidbenchError(
            f"the share of wrong predictions must be above 0 and below 1; it is {error}",
            where=f"--error {error}",
            remedy="--error 0.05",
        )
    progress = progress or RichProgress()
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    unit = check_unit(record, by)
    if encounter_minutes is not None and unit == IMAGE:
        raise ReidbenchError(
            "each photograph is identified by itself, so no encounters are made",
            where=f"--encounter-minutes {encounter_minutes:g}",
            remedy="remove it, or use a run made with --query encounter, and --by encounter",
        )
    registry = registry or load_registry()
    options = " ".join(["--whole"] * whole + ["--enrolled"] * (gallery is not None))
    if options:
        progress.warn(
            f"census --photographs cannot count photographs that are identified with {options}, because the errors of "
            "the run were measured with its own gallery: identify them without it for a census"
        )
    images = dataset_of(record, dataset, Path(root) if root else None, registry, unknown=unknown, names=names)
    if change := change_since(record, images):
        progress.warn(change)
    saved_run = read_saved_run(record)
    enrolled_later = read_gallery(Path(gallery), images) if gallery is not None else None
    later_groups = () if enrolled_later is None else enrolled_later.table["group"]
    reopened = reopen(record, images, registry=registry, device=device, progress=progress)
    groups = tuple(sorted({*reopened.gallery.table["group"], *later_groups}))
    with progress.stage("read photographs", 0) as stage:
        new = read_photographs(Path(photographs), groups, group, columns=columns, bbox=bbox, advance=stage.advance)
    of_dataset, notes = _readable(reopened, progress) if whole else (reopened.gallery, [])
    searched = joined("gallery", of_dataset, *([enrolled_later] if enrolled_later is not None else []))
    notes += _gallery_notes(len(saved_run.enrolled), searched, reopened.method.matching, enrolled_later)
    notes += images.unused_words() if unknown or names else []
    notes += _untested_group_notes(saved_run.calibration, new.images)
    if record.data.match_sides != ANY and (n_unknown := int((sides_of(new.images) == "").sum())):
        notes.append(
            f"the run compares photographs of the same side only; {n_unknown} of {len(new.images)} new photographs "
            "have no side and are compared with all. A table of photographs with the column orientation gives sides"
        )
    result = search(reopened, new.images, searched, progress)
    pooling, pooling_note = pooling_of(
        new, unit, images.encounter_minutes if encounter_minutes is None else encounter_minutes
    )
    if pooling is not None:  # each photograph gets the candidates of its encounter
        result = replace(result, answers=pooling.pool_candidates(result.answers).take(pooling.query))
        notes.append(pooling_note)
    answers = result.answers
    limit = saved_run.thresholds.limits(answers)
    certainty = learn_certainty(saved_run.calibration.answers, saved_run.calibration.limit, error)
    band, right = certainty.of(answers.group, excess_of(answers, limit))
    predicted = predict(answers, saved_run.thresholds)
    nearest = result.nearest(BEST)
    image_id = searched.image_id
    predictions = [
        Identification(
            image_id=str(photograph.image_id),
            path=Path(str(photograph.path)),
            sha256=digest,
            group=str(photograph.group),
            answer=str(predicted[row]),
            band=band[row],
            score=float(answers.best_score[row]),
            limit=float(limit[row]),
            right=float(right[row]),
            candidates=[
                Candidate(str(name), float(score), str(image_id[index]))
                for name, score, index in zip(answers.candidates[row], answers.scores[row], nearest[row], strict=False)
                if index >= 0
            ],
            encounter="" if pooling is None else str(pooling.encounter[row]),
        )
        for row, (photograph, digest) in enumerate(
            zip(new.images.table.itertuples(), new.images.file_hashes(), strict=True)
        )
    ]
    rates = band_rates(certainty, saved_run.test)
    return Identifications(record, predictions, searched, new, certainty, rates, notes, options, unit)


def _readable(reopened: Reopened, progress: Progress) -> tuple[ImageSet, list[str]]:
    """Return the images of the dataset without those that cannot be read, and a note on each of these.

    Only images that the run did not use are decoded here. It decoded the others, and the digest of the dataset shows
    that their files have not changed.
    """
    images, rows = reopened.images, reopened.setup.rows
    used = np.concatenate([rows[part] for part in ("gallery", "calibration", "test")])
    unused = np.setdiff1d(np.arange(len(images)), used)
    broken: list[int] = []
    notes: list[str] = []
    with progress.stage("check photographs", len(unused)) as stage:
        for row in unused.tolist():
            try:
                decode(images.image_path(row), images.table["bbox"].iloc[row])
            except ReidbenchError as error:
                broken.append(row)
                notes.append(
                    f"'{images.image_id[row]}' of the dataset is not searched: {error.message}. The run did not use "
                    "it, so you can take its row out of the table"
                )
            stage.advance(1)
    if len(broken) > 1:
        notes.insert(0, f"{len(broken)} broken photographs of the dataset are not searched")
    return (images.take(np.setdiff1d(np.arange(len(images)), broken)) if broken else images), notes


def band_rates(certainty: Certainty, test: SavedEpisode) -> list[BandRate]:
    """Measure the error of each band on test queries, which were not used to choose thresholds or bands."""
    answers = test.answers
    excess = excess_of(answers, test.limit)
    band, _ = certainty.of(answers.group, excess)
    wrong = ~is_right(answers, excess)
    rates = []
    for name in BANDS:
        in_band = band == name
        counts = AnimalCounts.of(answers.identity_code[in_band], wrong[in_band])
        n_wrong = int(wrong[in_band].sum())
        rates.append(BandRate(name, int(in_band.sum()), counts.n_animal, n_wrong, counts.share, counts.interval()))
    return rates


def to_csv(found: Sequence[Identification], options: str = "", by: str = IMAGE) -> str:
    """Return predictions as a CSV: the columns of a prediction file, then band, candidates and their images.

    People open this table, so cells that a spreadsheet would compute begin with an apostrophe.

    Args:
        found: The predictions.
        options: Options that made the gallery larger than that of the run. They are written into a last column
            ``searched_with``, by which ``census`` recognizes such a table; without them there is no such column.
        by: What one query is. Encounters give two last columns, ``encounter`` and ``by``.
    """
    ranks = range(1, BEST + 1)
    best = [f"{name}_{rank}" for rank in ranks for name in ("candidate", "score", "image")]
    columns = ["image_id", "identity", "band", "score", "threshold", "p_right", "group", "sha256", *best]
    columns += ["searched_with"] * bool(options) + ["encounter", "by"] * (by != IMAGE)
    rows = []
    for prediction in found:
        row = [prediction.image_id, prediction.answer, prediction.band]
        row += [_cell(prediction.score), _cell(prediction.limit), _cell(prediction.right)]
        row += [prediction.group, prediction.sha256]
        for candidate in prediction.candidates:
            row += [candidate.identity, _cell(candidate.score), candidate.image_id]
        row += [""] * (3 * (BEST - len(prediction.candidates))) + [options] * bool(options)
        rows.append(row + [prediction.encounter, by] * (by != IMAGE))
    return csv_text(columns, rows, safe=True)


def write_answers(output: Path, text: str) -> None:
    """Write the CSV of predictions; an error leaves no partial file.

    Raises:
        ReidbenchError: The file cannot be written.
    """
    write_output(output, text, "predictions")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _cell(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "" if math.isnan(value) else str(value)


def _untested_group_notes(calibration: SavedEpisode, photographs: ImageSet) -> list[str]:
    """Return a note for each group of photographs that has no calibration query in the run."""
    calibrated = set(np.unique(calibration.answers.group).tolist())
    return [
        f"the run had no calibration query of group '{name}': the threshold and the bands of all groups together are "
        "used for it, and they were never tested on it"
        for name in sorted(set(photographs.table["group"]) - calibrated)
    ]


def _gallery_notes(n_enrolled: int, gallery: ImageSet, matching: str, enrolled_later: ImageSet | None) -> list[str]:
    """Return notes on a gallery with more animals or photographs than the run had.

    Args:
        n_enrolled: Number of animals in the gallery of the run.
        gallery: The images that are searched.
        matching: How the method matches; one with ``identity`` predicts only the animals that it was trained on.
        enrolled_later: Photographs that were enrolled after the run.
    """
    n_animal = int(np.unique(gallery.identity).size)
    notes = [] if enrolled_later is None else [f"{len(enrolled_later)} photographs were enrolled after the run"]
    if matching == "identity" and n_animal > n_enrolled:
        notes.append("this method predicts only the animals that it was trained on, never the other enrolled animals")
    if n_animal > GROWN * n_enrolled:
        notes.append(
            f"the gallery has {n_animal} animals, but the threshold was chosen with {n_enrolled}: with more animals, "
            "a new animal is more often taken for one of them"
        )
    return notes
