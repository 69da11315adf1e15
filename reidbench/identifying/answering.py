"""New photographs against a saved run, from what a user names to one answer for each.

The threshold is the run's, with its groups and whatever it looks at in a query; the bands are learned from its
calibration episode, and what they are worth is measured on its test episode, which chose neither.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.identifying.enrolment import read_gallery
from reidbench.identifying.new_photographs import NewPhotographs, joined, read_photographs
from reidbench.identifying.searching import ask
from reidbench.metrics.review_bands import BANDS, Band, Certainty, excess_of, is_right, learn_certainty
from reidbench.metrics.summary import predict
from reidbench.metrics.uncertainty.bootstrap import Interval
from reidbench.metrics.uncertainty.shares import AnimalCounts
from reidbench.progress import Progress, RichProgress
from reidbench.records.finding import find_run
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedEpisode, read_saved_run
from reidbench.registry.registered import Registry, load_registry
from reidbench.running.inputs import dataset_of
from reidbench.running.reopening import reopen

BEST = 5
"""Candidates that are shown of each photograph."""
GROWN = 1.1
"""A gallery so many times its size at the run has larger impostor scores than the threshold was chosen on."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrolled animal that a photograph may show.

    Attributes:
        identity: Its name.
        score: Its score.
        image_id: The gallery image that is most alike.
    """

    identity: str
    score: float
    image_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """The answer to one photograph.

    Attributes:
        image_id: Its name: the path inside the folder.
        path: Its file.
        sha256: Digest of the file's bytes.
        group: Its group.
        answer: An identity, or ``NEW_IDENTITY``.
        band: ``certain``, ``to be reviewed`` or ``new``.
        score: Score of the best candidate, ``-inf`` where nothing was compared.
        limit: Threshold that the score was held against.
        right: P(answer right) by the calibration episode, ``nan`` where that holds no such answer.
        candidates: The best, best first.
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


@dataclass(frozen=True, slots=True)
class BandRate:
    """What a band was worth on the run's test episode.

    Attributes:
        band: Its name.
        n_photograph: Test photographs in it.
        n_animal: Animals that they show.
        wrong: Photographs answered wrongly.
        share: Share of wrong answers, ``nan`` for an empty band.
        interval: Its 95 % interval over reweighted animals, ``None`` for an empty band.
    """

    band: Band
    n_photograph: int
    n_animal: int
    wrong: int
    share: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, eq=False)
class Identifications:
    """What a folder of photographs was found to show.

    Attributes:
        record: The run that answered.
        found: One answer for each photograph that can be read, in order.
        gallery: What was searched, with absolute paths.
        photographs: What was read.
        certainty: The rule of the bands.
        rates: What each band was worth on the test episode.
        notes: What a reader should know.
    """

    record: RunRecord
    found: Sequence[Identification]
    gallery: ImageSet
    photographs: NewPhotographs
    certainty: Certainty
    rates: Sequence[BandRate]
    notes: Sequence[str]

    def count(self, band: Band) -> int:
        """Return how many photographs are in a band."""
        return sum(each.band == band for each in self.found)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; what is not defined is ``null``."""
        return {
            "run": self.record.id,
            "method": self.record.method,
            "dataset": self.record.dataset,
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
                    "image_id": each.image_id, "identity": each.answer, "band": each.band, "group": each.group,
                    "score": _finite(each.score), "threshold": _finite(each.limit), "p_right": _finite(each.right),
                    "candidates": [
                        {"identity": c.identity, "score": _finite(c.score), "image_id": c.image_id}
                        for c in each.candidates
                    ],
                }
                for each in self.found
            ],
            "unreadable": [{"image_id": name, "reason": reason} for name, reason in self.photographs.unreadable],
            "notes": list(self.notes),
        }  # fmt: skip


def identify(
    photographs: str | Path,
    run: str | Path | RunRecord,
    *,
    dataset: str | None = None,
    root: str | Path | None = None,
    group: str | None = None,
    gallery: str | Path | None = None,
    whole: bool = False,
    error: float = 0.05,
    device: str = "auto",
    runs_dir: str | Path = "runs",
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Identifications:
    """Answer a folder of new photographs by a saved run.

    Args:
        photographs: Folder, searched at any depth, or a CSV with a column ``path``.
        run: A run's folder, its id or how that begins, or its record.
        dataset: The dataset that was run; by default where the run found it.
        root: Folder of its images, where it needs one.
        group: Group of the photographs, where the gallery has several.
        gallery: CSV of animals enrolled since, as ``--enroll`` writes it.
        whole: Search every image of the dataset, not the split's gallery alone.
        error: Share of wrong answers that the bands ``certain`` and ``new`` may hold.
        device: ``auto``, ``cpu`` or ``cuda``.
        runs_dir: Where an id is looked for.
        progress: Where bars and warnings go; by default to stderr.
        registry: Methods to choose from; by default those of the installed plugins.

    Raises:
        ReidbenchError: Something a user can mend.

    Example:
        >>> found = identify("new/", "41ca2d28", dataset="catalogue.csv")  # doctest: +SKIP
        >>> found.found[0].answer, found.found[0].band  # doctest: +SKIP
        ('lynx_37', 'certain')
    """
    if not 0 < error < 1:
        raise ReidbenchError(
            f"a share of wrong answers lies between 0 and 1, not at {error}",
            where=f"--error {error}",
            remedy="--error 0.05",
        )
    progress = progress or RichProgress()
    record = run if isinstance(run, RunRecord) else find_run(run, runs_dir)
    registry = registry or load_registry()
    images = dataset_of(record, dataset, Path(root) if root else None, registry)
    saved = read_saved_run(record)
    more = read_gallery(Path(gallery), images) if gallery is not None else None
    reopened = reopen(record, images, registry=registry, device=device, progress=progress)
    own = images if whole else reopened.gallery
    groups = tuple(sorted({*reopened.gallery.table["group"], *(more.table["group"] if more is not None else ())}))
    with progress.stage("read photographs", 0) as stage:
        read = read_photographs(Path(photographs), groups, group, advance=stage.advance)
    enrolled = joined("gallery", own, *([more] if more is not None else []))
    notes = _notes(saved_size=len(saved.enrolled), gallery=enrolled, matching=reopened.method.matching, more=more)
    notes += _not_asked_about(saved.calibration, read.images)
    identified = ask(reopened, read.images, enrolled, progress)
    answers = identified.answers
    limit = saved.thresholds.limits(answers)
    certainty = learn_certainty(saved.calibration.answers, saved.calibration.limit, error)
    band, right = certainty.of(answers.group, excess_of(answers, limit))
    answered = predict(answers, saved.thresholds)
    nearest = identified.nearest(BEST)
    image_id = enrolled.image_id
    found = [
        Identification(
            image_id=str(row.image_id),
            path=Path(str(row.path)),
            sha256=digest,
            group=str(row.group),
            answer=str(answered[place]),
            band=band[place],
            score=float(answers.best_score[place]),
            limit=float(limit[place]),
            right=float(right[place]),
            candidates=[
                Candidate(str(name), float(score), str(image_id[index]))
                for name, score, index in zip(
                    answers.candidates[place], answers.scores[place], nearest[place], strict=False
                )
                if index >= 0
            ],
        )
        for place, (row, digest) in enumerate(
            zip(read.images.table.itertuples(), read.images.file_hashes(), strict=True)
        )
    ]
    return Identifications(record, found, enrolled, read, certainty, band_rates(certainty, saved.test), notes)


def band_rates(certainty: Certainty, test: SavedEpisode) -> list[BandRate]:
    """Measure every band on an episode that neither the threshold nor the bands were chosen on."""
    answers = test.answers
    excess = excess_of(answers, test.limit)
    band, _ = certainty.of(answers.group, excess)
    wrong = ~is_right(answers, excess)
    rates = []
    for name in BANDS:
        mine = band == name
        counts = AnimalCounts.of(answers.identity_code[mine], wrong[mine])
        total = int(wrong[mine].sum())
        rates.append(BandRate(name, int(mine.sum()), counts.n_animal, total, counts.share, counts.interval()))
    return rates


def to_csv(found: Sequence[Identification]) -> str:
    """Return the answers as a CSV: the columns of predictions first, then band, candidates and their images."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    ranks = range(1, BEST + 1)
    best = [f"{name}_{rank}" for rank in ranks for name in ("candidate", "score", "image")]
    writer.writerow(["image_id", "identity", "band", "score", "threshold", "p_right", "group", "sha256", *best])
    for each in found:
        row = [each.image_id, each.answer, each.band, _cell(each.score), _cell(each.limit), _cell(each.right)]
        row += [each.group, each.sha256]
        for candidate in each.candidates:
            row += [candidate.identity, _cell(candidate.score), candidate.image_id]
        writer.writerow(row + [""] * (3 * (BEST - len(each.candidates))))
    return buffer.getvalue()


def write_answers(output: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        ReidbenchError: It can't be written.
    """
    write_output(output, text, "answers")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _cell(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else "" if math.isnan(value) else str(value)


def _not_asked_about(calibration: SavedEpisode, photographs: ImageSet) -> list[str]:
    """Say of groups without calibration queries whose threshold and bands judge them."""
    asked = set(np.unique(calibration.answers.group).tolist())
    return [
        f"the run had no calibration query of group '{name}': its photographs are judged by the threshold and the "
        "bands of all groups together, which were never tested on it"
        for name in sorted(set(photographs.table["group"]) - asked)
    ]


def _notes(*, saved_size: int, gallery: ImageSet, matching: str, more: ImageSet | None) -> list[str]:
    now = int(np.unique(gallery.identity).size)
    notes = [] if more is None else [f"{len(more)} photographs were enrolled since the run"]
    if matching == "identity" and now > saved_size:
        notes.append("this method knows the animals that it learned and no other: it never answers the others")
    if now > GROWN * saved_size:
        notes.append(
            f"the gallery has {now} animals, the threshold was chosen with {saved_size}: more animals are more chances "
            "of a false match"
        )
    return notes
