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
from reidbench.testing.one_build import Build, Extracted
from reidbench.testing.pixel_watch import PixelWatch, WatchedImages
from reidbench.testing.side_effects import OWN_FOLDER, Watch, temporary_files_in, write_folders

Made = TypeVar("Made")
DEFAULT_MEMORY_MIB = 4096.0


class MethodUnderTest:
    """A method with its settings, and what came of each stage.

    A stage that failed is not tried again: whoever asks for it gets the same error.

    Args:
        offer: The method and who offers it.
        registry: Where its parts are found.
        given: Settings that differ from the defaults.
        preset: A named set of settings; by default ``quick``, else ``paper``, where there are such.
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
        self.pixel_watches = {"fit": PixelWatch(), "represent": PixelWatch()}
        self._pixel_watch = self.pixel_watches["fit"]
        self._made: dict[str, tuple[Any, Exception | None]] = {}

    @property
    def spec(self) -> MethodSpec:
        return self.offer.spec

    @property
    def built(self) -> Build:
        return self._once("built", lambda: self.new_build("first", show=self._shown))

    @property
    def prepared(self) -> Build:
        def make() -> Build:
            build = self.built
            with self._watched("prepare"):
                build.prepare()
            return build

        return self._once("prepared", make)

    @property
    def reports(self) -> list[FitReport]:
        def make() -> list[FitReport]:
            build = self.prepared
            self._pixel_watch = self.pixel_watches["fit"]
            with self._watched("fit"):
                return build.fit(self.drawn.gallery)

        return self._once("fitted", make)

    @property
    def fitted(self) -> Build:
        """The first build, prepared and fitted on the gallery."""
        _ = self.reports
        return self.prepared

    @property
    def gallery(self) -> Extracted:
        return self._extracted("gallery", self.drawn.gallery)

    @property
    def queries(self) -> Extracted:
        return self._extracted("queries", self.drawn.queries)

    @property
    def sample(self) -> Extracted:
        """Five queries, extracted in one call."""
        return self._extracted("sample", self.drawn.sample)

    @property
    def scores(self) -> NDArray[Any]:
        """Scores of every query against the gallery."""

        def make() -> NDArray[Any]:
            build = self.calibrated
            with self._watched("score"):
                return build.scores(self.queries, self.gallery)

        return self._once("scores", make)

    @property
    def calibrated(self) -> Build:
        """The first build with the score curves of its parts."""

        def make() -> Build:
            build = self.fitted
            build.calibrate(self.queries, self.gallery)  # the core's doing, and its imports: not watched
            return build

        return self._once("calibrated", make)

    @property
    def second(self) -> Build:
        """Another build, prepared and fitted alike."""

        def make() -> Build:
            build = self.new_build("second")
            build.prepare()
            with temporary_files_in(self.folder):
                build.fit(self.drawn.gallery)
            return build

        return self._once("second", make)

    def new_build(self, name: str, settings: Any = None, **options: Any) -> Build:
        """Build the method anew."""
        work_dir = self.folder / name
        return Build(self.offer, settings or self.settings, self.registry, work_dir, **options)

    def _extracted(self, name: str, images: ImageSet) -> Extracted:
        def make() -> Extracted:
            build = self.fitted
            self._pixel_watch = self.pixel_watches["represent"]
            with self._watched("represent"):
                return build.extract(images)

        return self._once(name, make)

    def _shown(self, images: ImageSet) -> Images:
        return WatchedImages(images, self._pixel_watch)

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
