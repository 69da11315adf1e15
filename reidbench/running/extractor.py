"""Fit the methods of a run and describe its images, or read from the stores what was said of them before."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Episode, Features
from reidbench.methods.contract import FitContext, FitReport, Images, LabelledImages, Method, Validation
from reidbench.methods.representation import Representation
from reidbench.metrics.summary import summarise
from reidbench.progress import Progress, Stage
from reidbench.registry.registered import Offer
from reidbench.running.building import Assembled, represent
from reidbench.running.representation_store import RepresentationStore, fitted_dir, keep_fitted, key_of
from reidbench.thresholds import parse_policy
from reidbench.thresholds.apply import choose_thresholds

EXTRACTED_AT_ONCE = 256
"""Images between two writes to the store: what a kill can cost."""
ASKED_AGAIN = 4
"""Images of a run by which a network that was brought back is told from another."""
DEVICES_DIFFER = 0.05
"""Share of a representation's length by which CPU and GPU, and batches of other sizes, may differ; trainings differ by
as much as the representation is long."""
_PARTS = ("gallery", "calibration", "test")

Answering = Callable[[Method, Features, Features, Progress], Episode]
"""Answers queries from a gallery: method, queries, gallery, progress."""


@dataclass(slots=True, eq=False)
class Describer:
    """Fits every leaf of a method and keeps what each says of an image.

    Attributes:
        assembled: The method and its leaves.
        images: Of the dataset.
        rows: Places of the images of each part.
        seed: Of whatever learns.
        device: Where networks run.
        work_dir: Folder of checkpoints.
        progress: Bars and warnings.
        answer: How a validation answers.
        store_dir: Where representations are kept; by default the cache.
        extracted: Whether anything was described anew.
        fitted: Identity in memory of each leaf that learned, or was brought back, in this process.
        seconds: What fitting and describing cost when they were done.
    """

    assembled: Assembled
    images: ImageSet
    rows: Mapping[str, NDArray[np.int64]]
    seed: int
    device: str
    work_dir: Path
    progress: Progress
    answer: Answering
    store_dir: Path | None = None
    extracted: bool = False
    fitted: set[int] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)
    _keys: dict[int, str] = field(default_factory=dict)

    @property
    def learned_from(self) -> NDArray[np.int64]:
        """Places of the images that are fitted on."""
        return self.rows["fit"] if len(self.rows["fit"]) else self.rows["gallery"]

    def describe(self) -> tuple[dict[str, Features], FitReport]:
        """Fit and run every leaf, or read what it said before; return each part's images, and how fitting went."""
        used = self._used()
        reports = [(offer.spec.name, self._describe_leaf(offer, leaf, used)) for offer, leaf in self.assembled.leaves]
        return self._by_part(used), _joined(reports)

    def describe_again(self, *more: ImageSet) -> dict[str, Features]:
        """Return each part's images as an earlier run described them, with what it learned.

        A method that learns, of which the cache knows nothing at all, learns again: what it then says of all the images
        is consistent in itself.

        Args:
            more: Sets that :meth:`describe_more` will be asked for. They are described before anything is read, since a
                store that grows later is mapped anew beside what was read.

        Raises:
            ReidbenchError: The cache lacks images, and what was learned is not kept.
        """
        used = self._used()
        if more:
            self._check_alone()
        for offer, leaf in self.assembled.leaves:
            store = self.store(offer, leaf)
            if leaf.learns and store.read_note() is None and not fitted_dir(self.store_key(offer, leaf)).is_dir():
                self._describe_leaf(offer, leaf, used)
            for images in (used, *more):
                self._add(offer, leaf, images)
        return self._by_part(used)

    def describe_more(self, images: ImageSet) -> Representation:
        """Describe any images with what an earlier run learned; what is described already is read.

        Raises:
            ReidbenchError: The cache lacks images, and what was learned is not kept; or a method describes images in
                company.
        """
        self._check_alone()
        for offer, leaf in self.assembled.leaves:
            self._add(offer, leaf, images)
        return self._read(images)

    def restore(self, offer: Offer, leaf: Method) -> None:
        """Bring back what a leaf learned in the run, from where the run kept it.

        Raises:
            ReidbenchError: It is not kept, can't be read, or is not what described the images of the run.
        """
        kept, store = fitted_dir(self.store_key(offer, leaf)), self.store(offer, leaf)
        seconds = self.seconds.get("fit_s")
        cost = f" (that took {seconds:.0f} s)" if seconds else ""
        remedy = (
            f"set REIDBENCH_CACHE to the cache that the run used; or fit it again{cost}: remove {store.folder} and "
            "repeat the run with --again, which keeps what is learned"
        )
        if not kept.is_dir():
            raise ReidbenchError(
                f"{offer.spec.name} learned from the gallery, and what it learned is not kept here: it has to be "
                "fitted again before it can look at further images",
                where=str(kept),
                remedy=remedy,
            )
        try:
            self.fit_leaf(leaf, kept, restore=True)
        except ReidbenchError as error:
            raise ReidbenchError(
                f"{offer.spec.name} has to be fitted again: {error.message}", where=error.where, remedy=remedy
            ) from error
        if not self._says_the_same(leaf, store):
            raise ReidbenchError(
                f"{offer.spec.name} has to be fitted again: what it brought back says something else of images of the "
                "run than it said then",
                where=str(kept),
                remedy=remedy,
            )
        self.fitted.add(id(leaf))

    def _says_the_same(self, leaf: Method, store: RepresentationStore) -> bool:
        """Ask a leaf that was brought back of a few images again; devices differ a little, another training by far."""
        used = self._used()
        contents = used.contents()
        lacking = {contents[place] for place in store.missing(contents)}
        known = np.array([place for place, each in enumerate(contents) if each not in lacking][:ASKED_AGAIN], np.int64)
        if leaf.transductive or not len(known):
            return True
        then = store.read([contents[place] for place in known])
        now = leaf.represent(Images(used.take(known)), Progress())
        return all(
            array.shape == now.dense[name].shape
            and np.linalg.norm(now.dense[name] - array) <= DEVICES_DIFFER * np.linalg.norm(array)
            for name, array in then.dense.items()
        )

    def _used(self) -> ImageSet:
        """Return the images of every part, one part after another."""
        return self.images.take(np.concatenate([self.rows[part] for part in _PARTS]))

    def _by_part(self, used: ImageSet) -> dict[str, Features]:
        whole = self._read(used)
        rows, start = {}, 0
        for part in _PARTS:
            places = np.arange(start, start + len(self.rows[part]))
            rows[part] = Features(self.rows[part], whole.take(places))
            start += len(places)
        return rows

    def _read(self, images: ImageSet) -> Representation:
        """Return what the stores say of images that all stand in them."""
        contents = images.contents()
        made = {id(leaf): self.store(offer, leaf).read(contents) for offer, leaf in self.assembled.leaves}
        return represent(self.assembled.method, lambda leaf: made[id(leaf)])

    def _add(self, offer: Offer, leaf: Method, images: ImageSet) -> None:
        """Describe what the store lacks, by what was learned in the run."""
        store, contents = self.store(offer, leaf), images.contents()
        missing = store.missing(contents)
        if len(missing) and leaf.learns and id(leaf) not in self.fitted:
            self.restore(offer, leaf)
        self.extract(offer, leaf, store, images, missing, contents)

    def _check_alone(self) -> None:
        for offer, leaf in self.assembled.leaves:
            if leaf.transductive:
                raise ReidbenchError(
                    f"what {offer.spec.name} says of an image holds in the company of the run's images alone",
                    where=f"--method {offer.spec.name}",
                    remedy="answer with a run of a method that describes each image for itself",
                )

    def _describe_leaf(self, offer: Offer, leaf: Method, used: ImageSet) -> FitReport:
        """Fit a leaf and describe the images of a run, or read what it said before."""
        store = self.store(offer, leaf)
        key = self.store_key(offer, leaf)
        work_dir = self.work_dir / key[:12]
        contents = used.contents()
        missing = store.missing(contents)
        noted = store.read_note()
        if noted is not None and (not len(missing) or not leaf.learns):
            report = FitReport(tuple(noted["history"]), tuple(noted["notes"]), noted["facts"])
            fit_s = noted["fit_s"]
        else:
            if noted is None and leaf.learns:
                store.clear()  # one store holds what one network made
                missing = store.missing(contents)
            started = time.perf_counter()
            report = self.fit_leaf(leaf, work_dir)
            self.fitted.add(id(leaf))
            fit_s = round(time.perf_counter() - started, 3)
            store.write_note({**dataclasses.asdict(report), "fit_s": fit_s})
        self.extracted = self.extracted or bool(len(missing))
        self.extract(offer, leaf, store, used, missing, contents)
        if leaf.learns and self.store_dir is None and work_dir.is_dir():
            keep_fitted(key, work_dir)  # only now: a run killed before goes on from it
        # What it cost when it was made, not what reading it back costs.
        for name, seconds in (("fit_s", fit_s), ("represent_s", store.seconds(contents))):
            self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 3)
        return report

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

    def store(self, offer: Offer, leaf: Method) -> RepresentationStore:
        """Return where a leaf's representations are kept."""
        return RepresentationStore(self.store_key(offer, leaf), self.store_dir)

    def store_key(self, offer: Offer, leaf: Method) -> str:
        """Return the key of everything that shapes what a leaf says of an image.

        Asked once of each leaf: a fingerprint that changes by itself makes the cache useless, not the run.
        """
        if id(leaf) not in self._keys:
            self._keys[id(leaf)] = self._make_key(offer, leaf)
        return self._keys[id(leaf)]

    def _make_key(self, offer: Offer, leaf: Method) -> str:
        learning = ""
        if leaf.learns:
            # The calibration part chooses the best epoch, so it shapes the network too. The test part does not, but
            # other test images would train again, and a training on a GPU or on the clock does not repeat to the bit:
            # one store holds what one network made.
            parts = (self.learned_from, self.rows["calibration"], self.rows["test"])
            learning = "|".join((*(self.images.take(part).digest for part in parts), str(self.seed)))
        if leaf.transductive:  # what it says of an image holds in this company alone
            learning += "|" + self._used().digest
        return leaf_key(offer, leaf, learning)

    def fit_leaf(self, leaf: Method, work_dir: Path, *, restore: bool = False) -> FitReport:
        """Fit a leaf on what the run learns from, or with ``restore`` bring back what an earlier fit left there."""
        learned_from = self.learned_from
        identity = self.images.identity
        labelled = LabelledImages(Images(self.images.take(learned_from)), tuple(identity[learned_from].tolist()))
        # Made once: a method may keep decoded pixels by these objects from one validation to the next.
        seen = {part: Images(self.images.take(self.rows[part])) for part in ("gallery", "calibration")}

        def described(part: str) -> Features:
            rows = self.rows[part]
            if part == "gallery" and leaf.matching == "identity":
                # Compared with classes alone: most of the images need no network in each validation.
                return Features(rows, Representation({"place": np.arange(len(rows))}))
            return Features(rows, leaf.represent(seen[part], Progress()))

        def validate() -> Validation:
            quiet = Progress()
            gallery, queries = described("gallery"), described("calibration")
            episode = self.answer(leaf, queries, gallery, quiet)
            best = choose_thresholds(parse_policy("max-score"), episode.answers)
            overall = summarise(episode.answers, best).overall
            return Validation(overall.rank1, overall.balanced_rank1, overall.score)

        if leaf.learns:
            work_dir.mkdir(parents=True, exist_ok=True)
        report = leaf.fit(labelled, FitContext(validate, self.seed, self.device, work_dir, self.progress, restore))
        if not isinstance(report, FitReport):
            raise TypeError(f"fit of {type(leaf).__name__} returned {type(report).__name__}, not a reidbench.FitReport")
        return report


def leaf_key(offer: Offer, leaf: Method, learning: str = "") -> str:
    """Return the key of what a leaf, prepared, says of images.

    Args:
        offer: Where the leaf came from.
        leaf: Describes images.
        learning: What it learned from or described together; empty for a method that sees one image at a time.
    """
    return key_of(offer.spec.name, offer.distribution, offer.spec.version, leaf.fingerprint(), learning)


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


def _joined(reports: list[tuple[str, FitReport]]) -> FitReport:
    """Put the reports of several leaves into one; a method that stands alone keeps its own."""
    if len(reports) == 1:
        return reports[0][1]
    return FitReport(
        history=tuple({"part": name, **row} for name, report in reports for row in report.history),
        notes=tuple(f"{name}: {note}" for name, report in reports for note in report.notes),
        facts={f"{name}.{key}": value for name, report in reports for key, value in report.facts.items()},
    )
