"""The stages of one run, each handing its result to the next; nothing here reads options or writes records."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.assembly import Assembled, combinations, represent
from reidbench.blindness import Blindness, check_blindness, sample_size
from reidbench.cache import RepresentationStore, keep_fitted, key_of
from reidbench.calibration.calibrated import Calibrated
from reidbench.calibration.episode import LabelledRows, Numbering, calibrate, number_curves
from reidbench.choosing import choose_constants
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.episodes import Episode, GalleryMode, Rows, answer, encounter_names
from reidbench.errors import ReidbenchError
from reidbench.fusion import Combination
from reidbench.gallery_trials import GalleryTrials, try_gallery
from reidbench.method import EmbeddingMethod, FitContext, FitReport, Images, LabelledImages, Method, Validation
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import summarise
from reidbench.predictions import prediction_rows
from reidbench.progress import Progress, Stage
from reidbench.registry import Offer
from reidbench.representations import Representation
from reidbench.runs import RunFiles
from reidbench.thresholds import Thresholds, parse_policy
from reidbench.thresholds.choosing import choose_thresholds

EXTRACTED_AT_ONCE = 256
"""Images between two writes to the store: what a kill can cost."""


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
    identities: NDArray = field(init=False)
    learned: NDArray = field(init=False)
    rows: dict[str, NDArray[np.int64]] = field(init=False)
    gallery_trials: GalleryTrials | None = None
    blindness: Blindness = field(default_factory=lambda: Blindness("untested"))
    _gallery_asking: Representation | None = None
    numbering: Numbering | None = None
    _extracted: bool = False

    def begin(self) -> None:
        """Look up which images stand in which part; every stage needs it."""
        parts = ("gallery", "fit", "calibration", "test")
        self.rows = {part: self.split.indices(part, self.images) for part in parts}
        identity = self.images.table["identity"].to_numpy(dtype=str)
        self.identities = np.unique(identity[self.rows["gallery"]])
        self.learned = np.unique(identity[self._learned_from()])

    def describe(self) -> dict[str, Rows]:
        """Fit, describe the images of every part, and calibrate: what every run begins with.

        Returns:
            Gallery, calibration and test, each with the curves that judge it. What the cache holds is read.
        """
        self.begin()
        self._check_classes()
        described = self._describe()
        with self._timed("calibrate_s"):
            self._calibrate(described)
        return described

    def describe_more(self, images: ImageSet) -> Representation:
        """Describe images that stand in no part, judged as test queries are.

        Raises:
            ReidbenchError: They need a network that was fitted in the run and is gone.
        """
        contents = images.contents()
        made: dict[int, Representation] = {}
        for offer, leaf in self.assembled.leaves:
            store = RepresentationStore(self.store_key(offer, leaf))
            missing = store.missing(contents)
            if len(missing) and leaf.learns:
                raise ReidbenchError(
                    f"the cache lacks what {offer.spec.name} made of {len(missing)} images, and the network that it "
                    "trained is gone",
                    where=f"the store of {offer.spec.name} in the cache (REIDBENCH_CACHE)",
                    remedy="name the cache that the run used, or empty it and repeat the run with --again",
                )
            self.extract(offer, leaf, store, images, missing, contents)
            made[id(leaf)] = store.read(contents)
        whole = represent(self.assembled.method, lambda leaf: made[id(leaf)])
        if self.numbering is None:
            return whole
        group = images.table["group"].to_numpy(dtype=str)
        asked = np.isin(group, self.numbering.groups)  # an enrolled image of another group never asks
        return whole.judged_by(self.numbering.mean(np.where(asked, group, self.numbering.groups[0])))

    def run(self, policy: Any) -> None:
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
        self.blindness = self._blindness(described)

    def files(self) -> RunFiles:
        """Return what the run folder holds besides ``run.json``."""
        image_id = self.images.table["image_id"].to_numpy(dtype=str)
        rows: list[dict[str, Any]] = []
        enrolled = self.images.table.iloc[self.rows["gallery"]]
        arrays: dict[str, NDArray] = {"identities": self.identities}
        arrays |= {f"gallery.{name}": enrolled[name].to_numpy(dtype=str) for name in ("image_id", "identity", "group")}
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
        split_rows = list(zip(self.split.image_ids, self.split.parts, strict=True))
        return RunFiles(split_rows, rows, arrays)

    def _encountered(self) -> dict[str, NDArray[np.bool_]]:
        """Tell for each query whether the gallery holds a photograph of its animal taken on its day."""
        encounter = encounter_names(self.images)
        enrolled = set(encounter[self.rows["gallery"]]) - {""}
        return {
            part: np.array([name in enrolled for name in encounter[episode.rows]], dtype=bool)
            for part, episode in self.episodes.items()
        }

    def _learned_from(self) -> NDArray[np.int64]:
        return self.rows["fit"] if len(self.rows["fit"]) else self.rows["gallery"]

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

    def _describe(self) -> dict[str, Rows]:
        """Fit and run every leaf, or read what it said before; return each part's images."""
        used = np.concatenate([self.rows[part] for part in ("gallery", "calibration", "test")])
        made: dict[int, Representation] = {}
        reports = []
        for offer, leaf in self.assembled.leaves:
            report, made[id(leaf)] = self._describe_leaf(offer, leaf, used)
            reports.append((offer.spec.name, report))
        self.report = _joined(reports)
        whole = represent(self.assembled.method, lambda leaf: made[id(leaf)])
        rows, start = {}, 0
        for part in ("gallery", "calibration", "test"):
            places = np.arange(start, start + len(self.rows[part]))
            rows[part] = Rows(self.rows[part], whole.take(places))
            start += len(places)
        return rows

    def _describe_leaf(self, offer: Offer, leaf: Method, used: NDArray) -> tuple[FitReport, Representation]:
        store = self._store(offer, leaf)
        key = self.store_key(offer, leaf)
        work_dir = self.work_dir / key[:12]
        contents = self.images.take(used).contents()
        missing = store.missing(contents)
        noted = store.read_note()
        if noted is not None and (not len(missing) or not leaf.learns):
            report = FitReport(tuple(noted["history"]), tuple(noted["notes"]), noted["facts"])
            fit_s = noted["fit_s"]
        else:
            started = time.perf_counter()
            report = self.fit_leaf(leaf, work_dir)
            fit_s = round(time.perf_counter() - started, 3)
            store.write_note({**dataclasses.asdict(report), "fit_s": fit_s})
        self._extracted = self._extracted or bool(len(missing))
        self.extract(offer, leaf, store, self.images.take(used), missing, contents)
        if leaf.learns and len(missing) and self.images.given is not None:
            self._extract_asked(offer, leaf, store, self.images.given.asked)
        if (
            leaf.learns and self.store_dir is None and work_dir.is_dir()
        ):  # only now: a run killed before goes on from it
            keep_fitted(key, work_dir)
        # What it cost when it was made, not what reading it back costs.
        self._add_timing("fit_s", fit_s)
        self._add_timing("represent_s", store.seconds(contents))
        return report, store.read(contents)

    def extract(
        self,
        offer: Offer,
        leaf: Method,
        store: RepresentationStore,
        images: ImageSet,
        missing: NDArray[np.int64],
        contents: list[str],
    ) -> None:
        """Describe the images that a store lacks, so many at once that a kill costs little.

        Args:
            offer: Where the leaf came from.
            leaf: Describes; fitted where it has to be.
            store: Keeps what is said of them.
            images: All that are wanted.
            missing: Places of those that the store lacks.
            contents: Key of each image in the store.
        """
        if not len(missing):
            return
        at_once = len(missing) if leaf.transductive else EXTRACTED_AT_ONCE
        with self.progress.stage(f"represent: {offer.spec.name}", len(missing)) as bar:
            for start in range(0, len(missing), at_once):
                chunk = missing[start : start + at_once]
                started = time.perf_counter()
                made = leaf.represent(Images(images.take(chunk)), _Inside(self.progress, bar))
                if len(made) != len(chunk):
                    raise ValueError(f"{offer.spec.name} described {len(made)} of {len(chunk)} images")
                store.add([contents[place] for place in chunk], made, time.perf_counter() - started)

    def _extract_asked(self, offer: Offer, leaf: Method, store: RepresentationStore, asked: ImageSet | None) -> None:
        """Describe all that a submission will compare, while the network is there that was fitted."""
        if asked is None:
            return
        for images in (self.images, asked):
            contents = images.contents()
            self.extract(offer, leaf, store, images, store.missing(contents), contents)

    def _store(self, offer: Offer, leaf: Method) -> RepresentationStore:
        return RepresentationStore(self.store_key(offer, leaf), self.store_dir)

    def store_key(self, offer: Offer, leaf: Method) -> str:
        """Return the key of everything that shapes what a leaf says of an image."""
        learning = ""
        if leaf.learns:
            # The calibration part chooses the best epoch, so it shapes the network too. The test part does not, but
            # other test images would train again, and a training on a GPU or on the clock does not repeat to the bit:
            # one store holds what one network made.
            parts = (self._learned_from(), self.rows["calibration"], self.rows["test"])
            learning = "|".join((*(self.images.take(part).digest for part in parts), str(self.seed)))
        if leaf.transductive:  # what it says of an image holds in this company alone
            company = np.concatenate([self.rows[part] for part in ("gallery", "calibration", "test")])
            learning += "|" + self.images.take(company).digest
        return key_of(offer.spec.name, offer.distribution, offer.spec.version, leaf.fingerprint(), learning)

    def fit_leaf(self, leaf: Method, work_dir: Path, *, restore: bool = False) -> FitReport:
        """Fit a leaf on what the run learns from, or with ``restore`` bring back what an earlier fit left there."""
        learned_from = self._learned_from()
        identity = self.images.table["identity"].to_numpy(dtype=str)
        labelled = LabelledImages(Images(self.images.take(learned_from)), tuple(identity[learned_from].tolist()))
        # Made once: a method may keep decoded pixels by these objects from one validation to the next.
        seen = {part: Images(self.images.take(self.rows[part])) for part in ("gallery", "calibration")}

        def described(part: str) -> Rows:
            rows = self.rows[part]
            if part == "gallery" and leaf.matching == "identity":
                # Compared with classes alone: most of the images need no network in each validation.
                return Rows(rows, Representation({"place": np.arange(len(rows))}))
            return Rows(rows, leaf.represent(seen[part], Progress()))

        def validate() -> Validation:
            quiet = Progress()
            gallery, queries = described("gallery"), described("calibration")
            episode = self._answer(leaf, queries, gallery, quiet)
            best = choose_thresholds(parse_policy("max-score"), episode.answers)
            overall = summarise(episode.answers, best).overall
            return Validation(overall.rank1, overall.balanced_rank1, overall.score)

        if leaf.learns:
            work_dir.mkdir(parents=True, exist_ok=True)
        return leaf.fit(labelled, FitContext(validate, self.seed, self.device, work_dir, self.progress, restore))

    def _calibrate(self, described: dict[str, Rows]) -> None:
        """Fit score curves and choose constants, both on the calibration episode, and note who is judged by what."""
        method = self.assembled.method
        if not isinstance(method, Calibrated) and not method.parts:
            return
        group = self.images.table["group"].to_numpy(dtype=str)
        code = np.unique(self.images.table["identity"].to_numpy(dtype=str), return_inverse=True)[1]
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
        inside = np.isin(group[self.rows["gallery"]], numbering.groups)
        judged = numbering.mean(np.where(inside, group[self.rows["gallery"]], numbering.groups[0]))
        self._gallery_asking = described["gallery"].representation.judged_by(judged)
        self._judge(described, labelled["calibration"], numbering)
        for path, each in combinations(method):
            if isinstance(each, Combination) and len(each.choices()) > 1:
                rows = {part: _inside(described[part], path) for part in ("calibration", "gallery")}
                self.constants[path or "."] = choose_constants(
                    each, self.images, rows["calibration"], rows["gallery"], mode=self.gallery, learned=self.learned
                )

    def _judge(self, described: dict[str, Rows], calibration: LabelledRows, numbering: Numbering) -> None:
        group = self.images.table["group"].to_numpy(dtype=str)
        curves = {
            "calibration": numbering.held_out(calibration),
            "test": numbering.mean(group[self.rows["test"]]),
            "gallery": np.zeros(len(self.rows["gallery"]), np.int64),
        }
        for part, numbers in curves.items():
            described[part] = Rows(described[part].indices, described[part].representation.judged_by(numbers))

    def _labelled(self, rows: Rows, code: NDArray[np.int64]) -> LabelledRows:
        group = self.images.table["group"].to_numpy(dtype=str)
        encounter = encounter_names(self.images)
        return LabelledRows(rows.representation, code[rows.indices], group[rows.indices], encounter[rows.indices])

    def _blindness(self, described: dict[str, Rows]) -> Blindness:
        """Test the method where it described anything anew; else keep what an earlier run found."""
        method = self.assembled.method
        if any(each.transductive for each in (method, *(leaf for _, leaf in self.assembled.leaves))):
            return Blindness("transductive")
        if not len(self.rows["test"]):
            return Blindness("untested")
        keys = [self.store_key(offer, leaf) for offer, leaf in self.assembled.leaves]
        versions = (f"{each.distribution} {each.version} {each.spec.version}" for each in self.assembled.offers)
        asked = (*versions, method.fingerprint(), self.images.digest, repr(self.assembled.parts))
        name = f"blindness-{key_of(*keys, *asked)[:16]}"
        store = self._store(*self.assembled.leaves[0])
        if not self._extracted and (kept := store.read_note(name)) is not None:
            return Blindness.from_json(kept)
        test = self.episodes["test"]
        with self.progress.stage("test for blindness", 1) as bar:
            n_asked = sample_size(sum(len(episode.rows) for episode in self.episodes.values()), len(test.rows))
            found = check_blindness(
                self.images,
                test.rows,
                test.answers,
                self.thresholds,
                partial(self._ask_again, described),
                n_asked=n_asked,
            )
            bar.advance()
        store.write_note(found.to_json(), name)
        if found.status == "differs":
            self.progress.warn(f"not blind; the answers follow {found.told}")
        return found

    def _ask_again(
        self, described: dict[str, Rows], images: ImageSet, places: NDArray[np.int64], at_once: int
    ) -> list[Answers]:
        """Describe and answer some test queries anew, so many at a time, from the images as they are given."""
        curve = described["test"].representation.curve
        answered = []
        for start in range(0, len(places), at_once):
            chunk = places[start : start + at_once]
            rows = self.rows["test"][chunk]
            shown = images.take(rows)
            made = {id(leaf): leaf.represent(Images(shown), Progress()) for _, leaf in self.assembled.leaves}
            query = represent(self.assembled.method, lambda leaf, made=made: made[id(leaf)])  # type: ignore[misc]
            if curve is not None:
                query = query.judged_by(curve[chunk])
            found = answer(
                self.assembled.method, images, Rows(rows, query), described["gallery"], mode=self.gallery,
                learned=self.learned, progress=Progress(),
            )  # fmt: skip
            answered.append(found.answers)
        return answered

    def _answer(self, method: Method, query: Rows, gallery: Rows, progress: Progress) -> Episode:
        return answer(method, self.images, query, gallery, mode=self.gallery, learned=self.learned, progress=progress)

    def _may_try_gallery(self, *, asked_for: bool) -> bool:
        """Whether the gallery may be compared with itself: never by what was fitted on these very images.

        Vectors are compared in no time; what compares images pair by pair takes as long as the run, so it waits
        to be asked.
        """
        leaves = [leaf for _, leaf in self.assembled.leaves]
        fitted = np.isin(self.rows["gallery"], self._learned_from()).any()
        if self.assembled.method.matching == "identity" or (fitted and any(leaf.learns for leaf in leaves)):
            return False
        return asked_for or all(isinstance(leaf, EmbeddingMethod) for leaf in leaves)

    def try_whole_gallery(self, whole: Rows) -> GalleryTrials:
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

    def _try_gallery(self, method: Method, gallery: Rows) -> GalleryTrials:
        table = self.images.table.iloc[gallery.indices]
        return try_gallery(
            gallery.representation,
            table["identity"].to_numpy(dtype=str),
            table["group"].to_numpy(dtype=str),
            encounter_names(self.images)[gallery.indices],
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


class _Inside(Progress):
    """Lets a method that is called for one chunk of images move the bar of them all."""

    def __init__(self, outer: Progress, bar: Stage) -> None:
        self._outer = outer
        self._bar = bar

    @contextmanager
    def stage(self, description: str, total: float) -> Iterator[Stage]:
        yield self._bar

    def warn(self, text: str) -> None:
        self._outer.warn(text)


def _inside(rows: Rows, path: str) -> Rows:
    representation = rows.representation
    for name in filter(None, path.split("/")):
        representation = representation.part(name)
    return Rows(rows.indices, representation)


def _joined(reports: list[tuple[str, FitReport]]) -> FitReport:
    """Put the reports of several leaves into one; a method that stands alone keeps its own."""
    if len(reports) == 1:
        return reports[0][1]
    return FitReport(
        history=tuple({"part": name, **row} for name, report in reports for row in report.history),
        notes=tuple(f"{name}: {note}" for name, report in reports for note in report.notes),
        facts={f"{name}.{key}": value for name, report in reports for key, value in report.facts.items()},
    )
