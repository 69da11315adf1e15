"""The method that is checked. Each stage runs once, under observation, and all checks use its result."""

from __future__ import annotations

import os
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
from reidbench.running.building import effective_settings, resolve_settings
from reidbench.testing.drawn import Drawn, drawn
from reidbench.testing.one_build import Build, Extracted
from reidbench.testing.pixel_watch import PixelWatch, WatchedImages
from reidbench.testing.side_effects import OWN_FOLDER, Watch, temporary_files_in, write_folders

Result = TypeVar("Result")
DEFAULT_MEMORY_MIB = 4096.0
"""Default memory limit of a stage in MiB."""


class MethodUnderTest:
    """A method with its settings and the result of each stage.

    A stage runs when its property is first read. If it fails, every later read raises the same error.

    Args:
        offer: The method and its plugin.
        registry: Methods that a fusion takes its parts from.
        overrides: Settings that differ from the defaults.
        preset: Named set of settings.
        memory_mib: Memory limit of a stage in MiB.

    Raises:
        ReidbenchError: A setting or the preset does not exist, or a value is invalid.
    """

    def __init__(
        self,
        offer: Offer,
        registry: Registry,
        overrides: Mapping[str, Any],
        *,
        preset: str | None = None,
        memory_mib: float = DEFAULT_MEMORY_MIB,
    ) -> None:
        self.offer = offer
        self.registry = registry
        self.overrides = dict(overrides)
        self.preset = preset
        self.memory_mib = memory_mib
        effective = effective_settings(offer.spec, preset, self.overrides, drawn=True)
        self.settings = resolve_settings(offer.spec, effective).settings
        self.drawn: Drawn = drawn()
        self.progress = Progress()
        self._temporary_folder = tempfile.TemporaryDirectory(prefix=f"{OWN_FOLDER}{os.getpid()}-")
        self.folder = Path(self._temporary_folder.name)
        self.watch = Watch(write_folders(self.folder))
        self.pixel_watches = {"fit": PixelWatch(), "represent": PixelWatch()}
        self._pixel_watch = self.pixel_watches["fit"]
        self._results: dict[str, tuple[Any, Exception | None]] = {}

    @property
    def spec(self) -> MethodSpec:
        """The declaration of the method."""
        return self.offer.spec

    @property
    def built(self) -> Build:
        """The first build, with observed images."""
        return self._once("built", lambda: self.new_build("first", images_for=self._watched_images))

    @property
    def prepared(self) -> Build:
        """The first build, prepared."""

        def make() -> Build:
            build = self.built
            with self._watched("prepare"):
                build.prepare()
            return build

        return self._once("prepared", make)

    @property
    def reports(self) -> list[FitReport]:
        """The report of fit of each part of the first build."""

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
        """Features of the gallery."""
        return self._extracted("gallery", self.drawn.gallery)

    @property
    def queries(self) -> Extracted:
        """Features of the queries."""
        return self._extracted("queries", self.drawn.queries)

    @property
    def sample(self) -> Extracted:
        """Features of five queries, extracted in one call."""
        return self._extracted("sample", self.drawn.sample)

    @property
    def scores(self) -> NDArray[Any]:
        """Scores of the queries, ``(n_query, n_gallery)`` or ``(n_query, n_identity)``."""

        def make() -> NDArray[Any]:
            build = self.calibrated
            with self._watched("score"):
                return build.scores(self.queries, self.gallery)

        return self._once("scores", make)

    @property
    def calibrated(self) -> Build:
        """The first build, with the calibration curves of its parts."""

        def make() -> Build:
            build = self.fitted
            build.calibrate(self.queries, self.gallery)  # done by the core, so it is not observed
            return build

        return self._once("calibrated", make)

    @property
    def second(self) -> Build:
        """A second build, prepared and fitted in the same way."""

        def make() -> Build:
            build = self.new_build("second")
            build.prepare()
            with temporary_files_in(self.folder):
                build.fit(self.drawn.gallery)
            return build

        return self._once("second", make)

    def new_build(self, name: str, settings: Any = None, **options: Any) -> Build:
        """Build the method again, with a separate work folder; ``options`` are those of :class:`Build`."""
        work_dir = self.folder / name
        return Build(self.offer, settings or self.settings, self.registry, work_dir, **options)

    def _extracted(self, name: str, images: ImageSet) -> Extracted:
        def make() -> Extracted:
            build = self.fitted
            self._pixel_watch = self.pixel_watches["represent"]
            with self._watched("represent"):
                return build.extract(images)

        return self._once(name, make)

    def _watched_images(self, images: ImageSet, masks: bool) -> Images:
        return WatchedImages(images, self._pixel_watch, masks=masks)

    @contextmanager
    def _watched(self, stage: str) -> Iterator[None]:
        with temporary_files_in(self.folder), self.watch.during(stage):
            yield

    def _once(self, name: str, make: Callable[[], Result]) -> Result:
        if name not in self._results:
            try:
                self._results[name] = make(), None
            except Exception as error:
                self._results[name] = None, error
        result, failure = self._results[name]
        if failure is not None:
            raise failure
        return cast(Result, result)
