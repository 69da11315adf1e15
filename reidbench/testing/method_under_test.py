"""The method under examination: every stage is gone through once, watched, and kept for all checks to judge."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.methods.contract import FitReport, Images, MethodSpec
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry
from reidbench.running.building import effective_settings
from reidbench.testing.drawn import Drawn, drawn
from reidbench.testing.one_build import Described, Trial
from reidbench.testing.pixel_watch import Ledger, WatchedImages
from reidbench.testing.side_effects import OWN_FOLDER, Watch, temporary_files_in, write_folders

Made = TypeVar("Made")
DEFAULT_MEMORY_MIB = 4096.0


class Subject:
    """A method with its settings, and what came of each stage.

    A stage that failed is not tried again: whoever asks for it gets the same error.

    Args:
        offer: The method and who offers it.
        registry: Where its parts are found.
        given: Settings that differ from the defaults.
        preset: A named set of settings; by default ``quick``, else ``report``, where there are such.
        memory_mib: What a stage may take on tiny images, in MiB.

    Raises:
        ReidbenchError: A setting or the preset does not exist, or a value is not allowed.
    """

    def __init__(
        self,
        offer: Offer,
        registry: Registry,
        given: Mapping[str, Any],
        *,
        preset: str | None = None,
        memory_mib: float = DEFAULT_MEMORY_MIB,
    ) -> None:
        self.offer = offer
        self.registry = registry
        self.given = dict(given)
        self.preset = preset
        self.memory_mib = memory_mib
        self.settings = effective_settings(offer.spec, preset, self.given)
        self.drawn: Drawn = drawn()
        self.progress = Progress()
        self._keeper = tempfile.TemporaryDirectory(prefix=OWN_FOLDER)
        self.folder = Path(self._keeper.name)
        self.watch = Watch(write_folders(self.folder))
        self.ledgers = {"fit": Ledger(), "represent": Ledger()}
        self._ledger = self.ledgers["fit"]
        self._made: dict[str, tuple[Any, Exception | None]] = {}

    @property
    def spec(self) -> MethodSpec:
        return self.offer.spec

    @property
    def built(self) -> Trial:
        return self._once("built", lambda: self.new_trial("first", show=self._shown))

    @property
    def prepared(self) -> Trial:
        def make() -> Trial:
            trial = self.built
            with self._watched("prepare"):
                trial.prepare()
            return trial

        return self._once("prepared", make)

    @property
    def reports(self) -> list[FitReport]:
        def make() -> list[FitReport]:
            trial = self.prepared
            self._ledger = self.ledgers["fit"]
            with self._watched("fit"):
                return trial.fit(self.drawn.gallery)

        return self._once("fitted", make)

    @property
    def fitted(self) -> Trial:
        """The first build, prepared and fitted on the gallery."""
        _ = self.reports
        return self.prepared

    @property
    def gallery(self) -> Described:
        return self._described("gallery", self.drawn.gallery)

    @property
    def queries(self) -> Described:
        return self._described("queries", self.drawn.queries)

    @property
    def sample(self) -> Described:
        """Five queries, described in one call."""
        return self._described("sample", self.drawn.sample)

    @property
    def scores(self) -> NDArray[Any]:
        """Scores of every query against the gallery."""

        def make() -> NDArray[Any]:
            trial = self.calibrated
            with self._watched("score"):
                return trial.scores(self.queries, self.gallery)

        return self._once("scores", make)

    @property
    def calibrated(self) -> Trial:
        """The first build with the score curves of its parts."""

        def make() -> Trial:
            trial = self.fitted
            trial.calibrate(self.queries, self.gallery)  # the core's doing, and its imports: not watched
            return trial

        return self._once("calibrated", make)

    @property
    def second(self) -> Trial:
        """Another build, prepared and fitted alike."""

        def make() -> Trial:
            trial = self.new_trial("second")
            trial.prepare()
            with temporary_files_in(self.folder):
                trial.fit(self.drawn.gallery)
            return trial

        return self._once("second", make)

    def new_trial(self, name: str, settings: Any = None, **options: Any) -> Trial:
        """Build the method anew."""
        work_dir = self.folder / name
        return Trial(self.offer, settings or self.settings, self.registry, work_dir, **options)

    def _described(self, name: str, images: ImageSet) -> Described:
        def make() -> Described:
            trial = self.fitted
            self._ledger = self.ledgers["represent"]
            with self._watched("represent"):
                return trial.describe(images)

        return self._once(name, make)

    def _shown(self, images: ImageSet) -> Images:
        return WatchedImages(images, self._ledger)

    @contextmanager
    def _watched(self, stage: str) -> Iterator[None]:
        with temporary_files_in(self.folder), self.watch.during(stage):
            yield

    def _once(self, name: str, make: Callable[[], Made]) -> Made:
        if name not in self._made:
            try:
                self._made[name] = make(), None
            except Exception as error:
                self._made[name] = None, error
        made, failure = self._made[name]
        if failure is not None:
            raise failure
        return cast(Made, made)
