"""The stages of one run, each handing its result to the next; nothing here reads options or writes records."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.calibration.calibrate import LabelledRows, Numbering, calibrate, number_curves
from reidbench.calibration.calibrated import Calibrated
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Episode, Features, GalleryMode, match_episode
from reidbench.matching.gallery_trials import GalleryTrials, try_gallery
from reidbench.methods.contract import EmbeddingMethod, FitReport, Method
from reidbench.methods.fusion import Combination
from reidbench.methods.representation import Representation
from reidbench.metrics.summary import summarise
from reidbench.progress import Progress
from reidbench.records.predictions import prediction_rows
from reidbench.records.run_record import RunFiles
from reidbench.running.building import Assembled, combinations
from reidbench.running.combination_constants import choose_constants
from reidbench.running.extractor import Describer
from reidbench.thresholds import Thresholds
from reidbench.thresholds.apply import choose_thresholds


@dataclass(slots=True, eq=False)
class Stages:
    """The stages of one run and what each hands to the next."""

    assembled: Assembled
    images: ImageSet
    split: Split
    seed: int
    gallery: GalleryMode
    device: str
    work_dir: Path
    progress: Progress
    store_dir: Path | None = None
    timing: dict[str, float] = field(default_factory=dict)
    report: FitReport = field(default_factory=FitReport)
    calibration: list[dict[str, Any]] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    episodes: dict[str, Episode] = field(default_factory=dict)
    thresholds: Thresholds = field(init=False)
    identities: NDArray[Any] = field(init=False)
    learned: NDArray[Any] = field(init=False)
    rows: dict[str, NDArray[np.int64]] = field(init=False)
    gallery_trials: GalleryTrials | None = None
    _gallery_asking: Representation | None = None
    numbering: Numbering | None = None
    describer: Describer = field(init=False)

    def begin(self) -> None:
        """Look up which images stand in which part; every stage needs it."""
        parts = ("gallery", "fit", "calibration", "test")
        self.rows = {part: self.split.indices(part, self.images) for part in parts}
        identity = self.images.identity
        self.identities = np.unique(identity[self.rows["gallery"]])
        self.describer = Describer(
            self.assembled, self.images, self.rows, self.seed, self.device, self.work_dir, self.progress,
            self._answer, self.store_dir,
        )  # fmt: skip
        self.learned = np.unique(identity[self.describer.learned_from])

    def describe(self) -> dict[str, Features]:
        """Fit, describe the images of every part, and calibrate: what every run begins with.

        Returns:
            Gallery, calibration and test, each with the curves that judge it. What the cache holds is read.
        """
        self.begin()
        self._check_classes()
        described, self.report = self.describer.describe()
        self.timing |= self.describer.seconds
        with self._timed("calibrate_s"):
            self._calibrate(described)
        return described

    def describe_again(self, *more: ImageSet) -> dict[str, Features]:
        """Describe and calibrate as :meth:`describe` did, once the stages are begun, with what was learned then.

        Args:
            more: Sets that :meth:`describe_more` will be asked for.

        Raises:
            ReidbenchError: What was learned is needed and gone.
        """
        described = self.describer.describe_again(*more)
        self._calibrate(described)
        return described

    def describe_more(self, images: ImageSet) -> Representation:
        """Describe images that stand in no part, judged as test queries are.

        Raises:
            ReidbenchError: What was learned is needed and gone.
        """
        whole = self.describer.describe_more(images)
        if self.numbering is None:
            return whole
        return whole.judged_by(self.numbering.mean(images.group))

    def run(self, policy: Any) -> dict[str, Features]:
        """Take the run from images to metrics; return the images of each part with the curves that judge them."""
        method = self.assembled.method
        described = self.describe()
        with self._timed("match_s"):
            for part in ("calibration", "test"):
                self.episodes[part] = self._answer(method, described[part], described["gallery"], self.progress)

        if self._may_try_gallery(asked_for=policy.needs_gallery):
            with self._timed("gallery_s"):
                self.gallery_trials = self._try_gallery(method, described["gallery"])

        self.thresholds = choose_thresholds(policy, self.episodes["calibration"].answers, self.gallery_trials)
        for note in self.thresholds.notes:
            self.progress.warn(note)
        for episode in self.episodes.values():
            episode.metrics = summarise(episode.answers, self.thresholds)
        return described

    def files(self) -> RunFiles:
        """Return what the run folder holds besides ``run.json``."""
        image_id = self.images.image_id
        rows: list[dict[str, Any]] = []
        gallery = self.rows["gallery"]
        arrays: dict[str, NDArray[Any]] = {
            "identities": self.identities,
            "gallery.image_id": image_id[gallery],
            "gallery.identity": self.images.identity[gallery],
            "gallery.group": self.images.group[gallery],
        }
        if self.gallery_trials is not None:
            arrays["gallery.own_best"] = self.gallery_trials.own_best
            arrays["gallery.other_best"] = self.gallery_trials.other_best
        for part, episode in self.episodes.items():
            answers = episode.answers
            rows += prediction_rows(part, image_id[episode.rows], answers, self.thresholds)
            arrays |= {
                f"{part}.image_id": image_id[episode.rows],
                f"{part}.true": answers.true.astype(str),
                f"{part}.group": answers.group.astype(str),
                f"{part}.candidates": answers.candidates.astype(str),
                f"{part}.scores": answers.scores,
                f"{part}.average_precision": answers.average_precision,
                f"{part}.own_best": episode.own_best,
                f"{part}.other_best": episode.other_best,
            }
        for part, shared in self._encountered().items():
            arrays[f"{part}.encountered"] = shared
        for part, sizes in self._encounter_sizes().items():
            arrays[f"{part}.encounter_size"] = sizes
        split_rows = list(zip(self.split.image_ids, self.split.parts, strict=True))
        return RunFiles(split_rows, rows, arrays)

    def _encountered(self) -> dict[str, NDArray[np.bool_]]:
        """Tell for each query whether the gallery holds a photograph of its animal taken on its day."""
        encounter = self.images.encounter
        enrolled = np.unique(encounter[self.rows["gallery"]])
        return {part: np.isin(encounter[episode.rows], enrolled) for part, episode in self.episodes.items()}

    def _encounter_sizes(self) -> dict[str, NDArray[np.int64]]:
        """Count for each query the photographs of its encounter in the whole dataset, 0 for a query without a date."""
        _, place, count = np.unique(self.images.encounter, return_inverse=True, return_counts=True)
        size = np.where(self.images.date == "", 0, count[place])
        return {part: size[episode.rows] for part, episode in self.episodes.items()}

    def _check_classes(self) -> None:
        """Refuse a classifier that learned other animals than are enrolled."""
        unlearned = np.setdiff1d(self.identities, self.learned)
        for offer, leaf in self.assembled.leaves:
            if leaf.matching != "identity" or not len(unlearned):
                continue
            if len(unlearned) == len(self.identities):
                raise ReidbenchError(
                    f"{offer.spec.name} answers with the animals that it learned, and none of them is enrolled",
                    where="a disjoint split",
                    remedy="use an open-set split: --split-kind open-set",
                )
            self.progress.warn(
                f"{offer.spec.name} did not learn {len(unlearned)} of {len(self.identities)} enrolled animals, such as "
                f"'{unlearned[0]}': it never answers those"
            )

    def _calibrate(self, described: dict[str, Features]) -> None:
        """Fit score curves and choose constants, both on the calibration episode, and note who is judged by what."""
        method = self.assembled.method
        if not isinstance(method, Calibrated) and not method.parts:
            return
        group = self.images.group
        code = np.unique(self.images.identity, return_inverse=True)[1]
        queried = np.concatenate([self.rows["calibration"], self.rows["test"]])
        asked = self.images.given.asked if self.images.given is not None else None
        groups = [*group[queried].tolist(), *(asked.table["group"].tolist() if asked is not None else ())]
        numbering = self.numbering = number_curves(groups, int(code.max()) + 1, self.seed)
        labelled = {part: self._labelled(described[part], code) for part in ("gallery", "calibration")}
        self.calibration = calibrate(
            method,
            labelled["calibration"],
            labelled["gallery"],
            numbering,
            by_group=self.gallery == "group",
            seed=self.seed,
            progress=self.progress,
        )
        judged = numbering.mean(group[self.rows["gallery"]])
        self._gallery_asking = described["gallery"].representation.judged_by(judged)
        self._judge(described, labelled["calibration"], numbering)
        for path, each in combinations(method):
            if isinstance(each, Combination) and len(each.choices()) > 1:
                rows = {
                    part: Features(described[part].indices, described[part].representation.part(path))
                    for part in ("calibration", "gallery")
                }
                self.constants[path or "."] = choose_constants(
                    each, self.images, rows["calibration"], rows["gallery"], mode=self.gallery, learned=self.learned
                )

    def _judge(self, described: dict[str, Features], calibration: LabelledRows, numbering: Numbering) -> None:
        group = self.images.group
        curves = {
            "calibration": numbering.held_out(calibration),
            "test": numbering.mean(group[self.rows["test"]]),
            "gallery": np.zeros(len(self.rows["gallery"]), np.int64),
        }
        for part, numbers in curves.items():
            described[part] = Features(described[part].indices, described[part].representation.judged_by(numbers))

    def _labelled(self, rows: Features, code: NDArray[np.int64]) -> LabelledRows:
        group = self.images.group
        encounter = self.images.encounter
        return LabelledRows(rows.representation, code[rows.indices], group[rows.indices], encounter[rows.indices])

    def _answer(self, method: Method, query: Features, gallery: Features, progress: Progress) -> Episode:
        return match_episode(
            method, self.images, query, gallery, mode=self.gallery, learned=self.learned, progress=progress
        )

    def _may_try_gallery(self, *, asked_for: bool) -> bool:
        """Whether the gallery may be compared with itself: never by what was fitted on these very images.

        Vectors are compared in no time; what compares images pair by pair takes as long as the run, so it waits
        to be asked.
        """
        leaves = [leaf for _, leaf in self.assembled.leaves]
        fitted = np.isin(self.rows["gallery"], self.describer.learned_from).any()
        if self.assembled.method.matching == "identity" or (fitted and any(leaf.learns for leaf in leaves)):
            return False
        return asked_for or all(isinstance(leaf, EmbeddingMethod) for leaf in leaves)

    def try_whole_gallery(self, whole: Features) -> GalleryTrials:
        """Compare a larger gallery with itself, where the run's own might be.

        Raises:
            ReidbenchError: The method was fitted on images that are enrolled, or knows no images.
        """
        if not self._may_try_gallery(asked_for=True):
            raise ReidbenchError(
                "a gallery that the method was fitted on can't be asked about itself",
                where="the run's threshold policy",
                remedy="reidbench rethreshold RUN --threshold max-score, then answer with that run",
            )
        self._gallery_asking = None if self.numbering is None else whole.representation
        return self._try_gallery(self.assembled.method, whole)

    def _try_gallery(self, method: Method, gallery: Features) -> GalleryTrials:
        return try_gallery(
            gallery.representation,
            self.images.identity[gallery.indices],
            self.images.group[gallery.indices],
            self.images.encounter[gallery.indices],
            method.score,
            asking=self._gallery_asking,
            within_group=self.gallery == "group",
            by_centroid=method.matching == "centroid",
            renormalise=getattr(method.settings, "renormalise_centroid", True),
        )

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._add_timing(name, time.perf_counter() - started)

    def _add_timing(self, name: str, seconds: float) -> None:
        self.timing[name] = round(self.timing.get(name, 0.0) + seconds, 3)
