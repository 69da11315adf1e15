"""Fit the methods of a run and extract features, or read both from the cache.

A method that learns and whose features are all in the cache is neither fitted nor restored. If the cache lacks some of
them, its trained model is restored from the cache; without a model, it is fitted again and all images are extracted
again, because one store holds the features of one network.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench.data.image_masks import digest_of_masks, masked_contents
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.matching.episode import Features
from reidbench.methods.contract import FitReport, Images, Method
from reidbench.methods.representation import Representation
from reidbench.progress import Progress, Stage
from reidbench.running.building import FeaturePart, join_representations
from reidbench.running.extracted import Extracted
from reidbench.running.fitted_models import find_fitted, fitted_dir, keep_fitted, work_dir
from reidbench.running.fitting import fit_method, join_reports
from reidbench.running.representation_store import RepresentationStore, features_key
from reidbench.running.setup import Setup

EXTRACTED_AT_ONCE = 256
"""Images between two writes to the cache: a killed run loses at most the features of this number of images."""
CHECKED_IMAGES = 4
"""Images whose cached features are compared with those of a restored model."""
DEVICES_DIFFER = 0.05
"""Largest difference between a restored model's features and the cached ones, as a share of their length.

CPU and GPU, and batches of different sizes, differ by less; two trainings differ by about the whole length.
"""
SAME_MODEL = 1e-5
"""The same for a model that was restored on the same device; only batches of different sizes differ."""
_EXTRACTED = ("gallery", "calibration", "test")
"""Parts of the split whose images are extracted, in the order in which they are joined."""


class Extractor:
    """Fits the parts of a method that extract features, and keeps their features in the cache.

    Args:
        setup: The run.
        store_dir: Folder for features and checkpoints; by default the cache.
        fit_s: How long fitting took in the run, for an error message; ``None`` if it is not known.
    """

    def __init__(self, setup: Setup, store_dir: Path | None = None, *, fit_s: float | None = None) -> None:
        self.setup = setup
        self._store_dir = store_dir
        self._fit_s = fit_s
        self._keys: dict[int, str] = {}
        self._stores: dict[str, RepresentationStore] = {}
        self._fitted: set[int] = set()  # identity in memory of each method that was fitted or restored

    @property
    def can_extract(self) -> bool:
        """Whether every method that learns was fitted or restored in this process."""
        return all(not part.method.learns or id(part.method) in self._fitted for part in self._feature_parts)

    def extract(self) -> Extracted:
        """Fit every part and extract the features of all images of the run; what is in the cache is read."""
        used = self._used_images()
        keys = self._keys_of(used)
        reports = []
        seconds: dict[str, float] = {}
        is_new = False
        for part in self._feature_parts:
            contents = keys[part.method.uses_masks]
            report, fit_s, n_new = self._fit_and_extract(part, used, contents)
            reports.append((part.name, report))
            is_new = is_new or n_new > 0
            # What they took when they were done, not what reading takes.
            represent_s = self.store(part).seconds(contents)
            for name, value in (("fit_s", fit_s), ("represent_s", represent_s)):
                seconds[name] = round(seconds.get(name, 0.0) + value, 3)
        return Extracted(self._features(keys), join_reports(reports), seconds, is_new)

    def extract_again(self, *more: ImageSet) -> dict[str, Features]:
        """Return the features of each part of a saved run, from the cache or extracted by what the run learned.

        If the cache holds nothing of a method that learns, the method is fitted again, and its features of all images
        are consistent.

        Args:
            more: Sets that :meth:`extract_more` will be called with. Their features are extracted before any are read,
                because a store that grows later has to be mapped a second time.

        Raises:
            ReidbenchError: The cache lacks features, and what the method learned is not in the cache.
        """
        if more:
            self._check_not_transductive()
        wanted = [(images, self._keys_of(images)) for images in (self._used_images(), *more)]
        for part in self._feature_parts:
            is_unknown = self.store(part).read_note() is None and not fitted_dir(self.store_key(part)).is_dir()
            if part.method.learns and is_unknown:
                self._fit_and_extract(part, wanted[0][0], wanted[0][1][part.method.uses_masks])
            for images, keys in wanted:
                self._extract_missing(part, images, keys[part.method.uses_masks])
        return self._features(wanted[0][1])

    def extract_more(self, images: ImageSet) -> Representation:
        """Return the features of any images, from the cache or extracted by what the run learned.

        Raises:
            ReidbenchError: The cache lacks features, and what the method learned is not in the cache; or the method is
                transductive.
        """
        self._check_not_transductive()
        keys = self._keys_of(images)
        for part in self._feature_parts:
            self._extract_missing(part, images, keys[part.method.uses_masks])
        return self._read(keys)

    def restore_again(self) -> bool:
        """Restore every method whose features come from the cache; return whether that gave the same models.

        The models have to give the cached features again, as on the same device, so that predictions can be compared.
        """
        for part in self._feature_parts:
            if part.method.learns and id(part.method) not in self._fitted:
                try:
                    self._restore(part, tolerance=SAME_MODEL)
                except ReidbenchError:
                    return False
        return True

    def store(self, part: FeaturePart) -> RepresentationStore:
        """Return the store of a part's features."""
        key = self.store_key(part)
        if key not in self._stores:
            self._stores[key] = RepresentationStore(key, self._store_dir, self.setup.progress)
            self._stores[key].use(part.offer)
        return self._stores[key]

    def store_key(self, part: FeaturePart) -> str:
        """Return the key of a part's store: a digest of everything that shapes its features, except the image.

        It is computed once. A method whose fingerprint changes by itself has no use of the cache, but it can run.
        """
        key = id(part.method)
        if key not in self._keys:
            self._keys[key] = features_key(part.offer, part.method, self._learning(part.method))
        return self._keys[key]

    @property
    def _feature_parts(self) -> tuple[FeaturePart, ...]:
        return self.setup.assembled.feature_parts

    def _learning(self, method: Method) -> str:
        """Return the digest of all images that shape a method's features, empty if each image is extracted alone."""
        learning = ""
        if method.learns:
            # The calibration part chooses the best epoch, so it shapes the network too. The test part does not. But
            # other test images would train again, and a training on a GPU or with a time limit does not repeat to the
            # bit, while one store has to hold the features of one network.
            parts = (self.setup.learned_from, self.setup.rows["calibration"], self.setup.rows["test"])
            chosen = [self.setup.images.take(part) for part in parts]
            masks = [digest_of_masks(images) for images in chosen] if method.uses_masks else []
            digests = (*(images.digest for images in chosen), *filter(None, masks))
            learning = "|".join((*digests, str(self.setup.seed)))
        if method.transductive:  # the features of an image depend on all others
            used = self._used_images()
            learning += "|" + used.digest + (digest_of_masks(used) if method.uses_masks else "")
        return learning

    def _fit_and_extract(
        self, part: FeaturePart, used: ImageSet, contents: Sequence[str]
    ) -> tuple[FitReport, float, int]:
        """Fit a part and extract the images of the run, as far as the cache lacks them.

        Two processes never fit the same method at once: the second waits, and reads what the first has cached.

        Returns:
            The report of the fit, how long the fit took, and how many images were extracted.
        """
        store = self.store(part)
        with store.training() if part.method.learns else nullcontext():
            missing = store.missing(contents)
            fitted = _fit_of(store.read_note())
            if fitted is not None and (not len(missing) or not part.method.learns or self._can_restore(part)):
                report, fit_s = fitted
            else:
                if part.method.learns:
                    store.clear()  # one store holds the features of one network
                    missing = store.missing(contents)
                report, fit_s = self._fit(part)
            self._extract(part, used, contents, missing)
            self._keep(part)
        return report, fit_s, len(missing)

    def _fit(self, part: FeaturePart) -> tuple[FitReport, float]:
        """Fit a part, or continue a fit that was interrupted; note the report and the seconds in the store."""
        started = time.perf_counter()
        report = fit_method(self.setup, part.method, self._work_dir(part))
        self._fitted.add(id(part.method))
        fit_s = round(time.perf_counter() - started, 3)
        self.store(part).write_note({**dataclasses.asdict(report), "fit_s": fit_s})
        return report, fit_s

    def _can_restore(self, part: FeaturePart) -> bool:
        """Restore a method whose features are in the cache in part; return whether that was possible."""
        if id(part.method) not in self._fitted:
            try:
                self._restore(part)
            except ReidbenchError as error:
                self.setup.progress.warn(f"{error.message}; it is fitted again")
                return False
        return True

    def _keep(self, part: FeaturePart) -> None:
        """Move a fitted model to its final folder in the cache; a repetition, with a store of its own, keeps none.

        Not before all images are extracted, because a killed run continues from the work folder.
        """
        folder, key = self._work_dir(part), self.store_key(part)
        if part.method.learns and self._store_dir is None and folder.is_dir():
            keep_fitted(key, folder)

    def _work_dir(self, part: FeaturePart) -> Path:
        return work_dir(self.store_key(part), self._store_dir)

    def _extract_missing(self, part: FeaturePart, images: ImageSet, contents: Sequence[str]) -> None:
        """Extract the images that the cache lacks, by what the run learned."""
        missing = self.store(part).missing(contents)
        if len(missing) and part.method.learns and id(part.method) not in self._fitted:
            self._restore(part)
        self._extract(part, images, contents, missing)

    def _extract(
        self, part: FeaturePart, images: ImageSet, contents: Sequence[str], missing: NDArray[np.int64]
    ) -> None:
        """Extract the images at the places ``missing``, in chunks, so that a killed run loses little.

        Args:
            part: The method.
            images: All images that are wanted.
            contents: Key of each image in the store.
            missing: Places of the images that the store lacks.
        """
        if not len(missing):
            return
        store = self.store(part)
        at_once = len(missing) if part.method.transductive else EXTRACTED_AT_ONCE
        with self.setup.progress.stage(f"extract: {part.name}", len(missing)) as bar:
            for start in range(0, len(missing), at_once):
                chunk = missing[start : start + at_once]
                started = time.perf_counter()
                shown = Images(images.take(chunk), masks=part.method.uses_masks)
                features = part.method.represent(shown, _OneBar(self.setup.progress, bar))
                if len(features) != len(chunk):
                    raise ValueError(f"{part.name} returned features of {len(features)} images, not of {len(chunk)}")
                store.add([contents[place] for place in chunk], features, time.perf_counter() - started)

    def _restore(self, part: FeaturePart, tolerance: float = DEVICES_DIFFER) -> None:
        """Restore what a method learned in the run: from its final folder, or from the work folder of a killed run.

        Raises:
            ReidbenchError: It is not in the cache, can't be read, or gives other features than the run had.
        """
        key, store = self.store_key(part), self.store(part)
        cost = f" (that took {self._fit_s:.0f} s)" if self._fit_s else ""
        remedy = (
            f"set REIDBENCH_CACHE to the cache that the run used; or fit it again{cost}: remove {store.folder} and "
            "repeat the run with --again, which keeps the trained model"
        )
        working = self._work_dir(part)
        learned_dir = find_fitted(key, self.setup.progress) if self._store_dir is None else None
        learned_dir = learned_dir or (working if working.is_dir() else None)
        if learned_dir is None:
            raise ReidbenchError(
                f"{part.name} learned from the gallery, and its trained model is not in this cache: it has to be "
                "fitted again before it can extract other images",
                where=str(fitted_dir(key)),
                remedy=remedy,
            )
        try:
            fit_method(self.setup, part.method, learned_dir, restore=True)
        except ReidbenchError as error:
            raise ReidbenchError(
                f"{part.name} has to be fitted again: {error.message}", where=error.where, remedy=remedy
            ) from error
        if not self._gives_cached_features(part.method, store, tolerance):
            raise ReidbenchError(
                f"{part.name} has to be fitted again: the restored model gives other features for images of the run "
                "than the cache holds",
                where=str(learned_dir),
                remedy=remedy,
            )
        self._fitted.add(id(part.method))

    def _gives_cached_features(self, method: Method, store: RepresentationStore, tolerance: float) -> bool:
        """Extract a few images again and compare with the cache; devices differ a little, two trainings by far."""
        used = self._used_images()
        contents = self._keys_of(used)[method.uses_masks]
        lacking = {contents[place] for place in store.missing(contents)}
        cached = [place for place, content in enumerate(contents) if content not in lacking]
        checked = np.array(cached[:CHECKED_IMAGES], np.int64)
        if method.transductive or not len(checked):
            return True
        before = store.read([contents[place] for place in checked])
        now = method.represent(Images(used.take(checked), masks=method.uses_masks), Progress())
        return all(
            array.shape == now.dense[name].shape
            and np.linalg.norm(now.dense[name] - array) <= tolerance * np.linalg.norm(array)
            for name, array in before.dense.items()
        )

    def _used_images(self) -> ImageSet:
        """Return the images of gallery, calibration and test, in that order."""
        return self.setup.images.take(np.concatenate([self.setup.rows[part] for part in _EXTRACTED]))

    def _keys_of(self, images: ImageSet) -> Mapping[bool, Sequence[str]]:
        """Return the keys of images in the stores of methods without masks (False), and with masks (True)."""
        keys = {False: images.contents()}
        if any(part.method.uses_masks for part in self._feature_parts):
            keys[True] = masked_contents(images, keys[False])
        return keys

    def _features(self, keys: Mapping[bool, Sequence[str]]) -> dict[str, Features]:
        """Read the features of :meth:`_used_images` and divide them into the parts of the split."""
        whole = self._read(keys)
        features, start = {}, 0
        for part in _EXTRACTED:
            rows = self.setup.rows[part]
            features[part] = Features(rows, whole.take(np.arange(start, start + len(rows))))
            start += len(rows)
        return features

    def _read(self, keys: Mapping[bool, Sequence[str]]) -> Representation:
        """Read the features of images that are all in the cache, by their keys."""
        by_method = {
            id(part.method): self.store(part).read(keys[part.method.uses_masks]) for part in self._feature_parts
        }
        return join_representations(self.setup.method, lambda method: by_method[id(method)])

    def _check_not_transductive(self) -> None:
        for part in self._feature_parts:
            if part.method.transductive:
                raise ReidbenchError(
                    f"{part.name} is transductive: the features of an image depend on the other images of the run",
                    where=f"--method {part.name}",
                    remedy="use a run of a method that extracts the features of each image separately",
                )


def _fit_of(note: Mapping[str, Any] | None) -> tuple[FitReport, float] | None:
    """Return the report and the seconds of a fit from its note; ``None`` if there is none, or it lacks a value."""
    try:
        return (
            None
            if note is None
            else (FitReport(tuple(note["history"]), tuple(note["notes"]), dict(note["facts"])), float(note["fit_s"]))
        )
    except (KeyError, TypeError, ValueError):
        return None


class _OneBar(Progress):
    """Makes a method that is called for one chunk of images advance the bar of all images."""

    def __init__(self, outer: Progress, bar: Stage) -> None:
        self._outer = outer
        self._bar = bar

    @override
    @contextmanager
    def stage(self, description: str, total: float) -> Iterator[Stage]:
        yield self._bar

    @override
    def warn(self, text: str) -> None:
        self._outer.warn(text)
