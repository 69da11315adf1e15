"""Checks of the extracted features: plain finite arrays that depend on their image only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.representation import Representation
from reidbench.running.representation_store import RepresentationStore, key_of
from reidbench.testing import differences
from reidbench.testing.check import NotApplicable, Topic
from reidbench.testing.method_under_test import MethodUnderTest
from reidbench.testing.one_build import Extracted

topic = Topic("extracting")

_BATCH = 3


@topic.check(
    reason="nan cannot be compared: a single nan makes all scores of an image meaningless",
    remedy="avoid division by zero; return zero rows or a zero vector for an image without features",
    needs=("fits",),
)
def finite(tested: MethodUnderTest) -> str | None:
    """Look for nan and infinity in the features."""
    try:
        image_sets = tested.gallery, tested.queries, tested.sample
    except Exception as error:
        if "contains nan" in str(error):
            return str(error)
        raise NotApplicable("it extracts no features; see the check represents") from error
    for extracted in image_sets:
        for key, array in _arrays(extracted.representation).items():
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                return f"'{key}' contains {'nan' if np.isnan(array).any() else 'infinity'}"
    return None


@topic.check(
    reason="a run extracts the features of every image, in the given order",
    remedy="let represent(images, progress) return a Representation with one entry for each image",
    needs=("finite",),
)
def represents(tested: MethodUnderTest) -> str | None:
    """Extract the features of all drawn images."""
    _ = tested.gallery, tested.queries, tested.sample
    return None


@topic.check(
    reason="features are stored as plain arrays that can be mapped from disk; objects would need pickles",
    remedy="return numpy arrays of numbers, with the same types for every image",
    needs=("represents",),
)
def plain_arrays(tested: MethodUnderTest) -> str | None:
    """Require numpy arrays of numbers, with the same types and shapes for gallery and queries."""
    gallery, queries = _arrays(tested.gallery.representation), _arrays(tested.queries.representation)
    for key, array in gallery.items():
        if not isinstance(array, np.ndarray):
            return f"'{key}' is {type(array).__name__}, not a numpy array"
        if array.dtype.kind not in "biuf":
            return f"'{key}' has the type {array.dtype}"
        other = queries.get(key)
        if other is None or other.dtype != array.dtype or other.shape[1:] != array.shape[1:]:
            of_queries = "missing" if other is None else f"{other.dtype} {other.shape[1:]}"
            return f"'{key}' is {array.dtype} {array.shape[1:]} for the gallery and {of_queries} for queries"
    return None


@topic.check(
    reason="identical features for all images cannot distinguish animals",
    remedy="check the input and the weights: are pixels scaled as the network expects, and are the weights loaded?",
    needs=("plain_arrays",),
)
def images_differ(tested: MethodUnderTest) -> str | None:
    """Look for two gallery images with different features."""
    extracted = tested.gallery
    for first in range(1, len(extracted.images)):
        if differences.of_representations(extracted.take([first]).representation, extracted.take([0]).representation):
            return None
    return f"all {len(extracted.images)} images have the same features"


@topic.check(
    reason="the cache stores the features of an image once, so they must be the same every time",
    remedy="switch off dropout and augmentation in represent, and use no random numbers",
    needs=("plain_arrays",),
)
def deterministic(tested: MethodUnderTest) -> str | None:
    """Extract the sample again and compare the features bit by bit."""
    again = tested.fitted.extract(tested.drawn.sample)
    return differences.of_representations(again.representation, tested.sample.representation, exact=True)


@topic.check(
    reason="row i of a representation belongs to image i; otherwise one animal gets the features of another",
    remedy="do not sort, shuffle or group images; if batches need another order, restore the order of the rows",
    needs=("deterministic",),
)
def order_kept(tested: MethodUnderTest) -> str | None:
    """Extract the sample in another order."""
    order = [4, 2, 0, 1, 3]
    return _same_as(tested, tested.drawn.sample.take(order), order)


@topic.check(
    reason="a gallery or a folder of new photographs may have only one image",
    remedy="do not squeeze: the arrays of one image have a first axis of length 1",
    needs=("scores_finite",),
)
def one_image(tested: MethodUnderTest) -> str | None:
    """Compare one query with a gallery of one image."""
    try:
        one = tested.fitted.extract(tested.drawn.sample.take([0]))
    except Exception as error:
        return f"extracting features of one image: {_error_text(error)}"
    scores = _scores_or_error(tested, one, tested.gallery.take([0]))
    if isinstance(scores, str):
        return scores
    return (
        None if scores.shape == (1, 1) else f"one query and one image give scores of shape {scores.shape}, not (1, 1)"
    )


@topic.check(
    reason="the size of a batch depends on the memory of the machine",
    remedy="put the network in eval mode; the features of an image must not depend on other images of its batch",
    needs=("order_kept", "one_image"),
)
def batch_size(tested: MethodUnderTest) -> str | None:
    """Extract the sample in batches of other sizes."""
    parts = [part for part in tested.fitted.parts if hasattr(part, "batch_size")]
    if not parts:
        raise NotApplicable("it has no batch_size that could be changed")
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: it receives all images at once")
    for size in (1, _BATCH):
        with batches_of(parts, size):
            difference = _same_as(tested, tested.drawn.sample, [0, 1, 2, 3, 4])
        if difference:
            return f"in batches of {size}, {difference}"
    return None


@topic.check(
    reason="the core extracts 256 images at a time and caches each, so features must not depend on other images",
    remedy="normalise by values that fit computed from the gallery, or declare transductive = True",
    needs=("batch_size",),
)
def image_subset(tested: MethodUnderTest) -> str | None:
    """Extract two images of the sample without the others."""
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: it receives all images at once")
    rows = [1, 3]
    return _same_as(tested, tested.drawn.sample.take(rows), rows)


@topic.check(
    reason="fog, a covered lens or bare ground gives an image without keypoints and with a standard deviation of 0",
    remedy="return zero rows or a zero vector, and a similarity of 0",
    needs=("scores_finite",),
)
def blank_image(tested: MethodUnderTest) -> str | None:
    """Compare an image of one colour with the gallery."""
    return _unusual(tested, "blank")


@topic.check(
    reason="infrared photographs are grey: their three channels are equal",
    remedy="avoid division by a difference of channels or by saturation",
    needs=("scores_finite",),
)
def grey_image(tested: MethodUnderTest) -> str | None:
    """Compare a grey image with the gallery."""
    return _unusual(tested, "grey")


@topic.check(
    reason="the box of a detector may have only a few pixels",
    remedy="resize the image before operations that need a minimum size",
    needs=("scores_finite",),
)
def tiny_image(tested: MethodUnderTest) -> str | None:
    """Compare an image of 2 x 3 pixels with the gallery."""
    return _unusual(tested, "tiny")


@topic.check(
    reason="the box of a snake or a tail fin may be thirty times as long as it is high",
    remedy="round computed sides up to at least one pixel, and use a pooling that works for any shape",
    needs=("scores_finite",),
)
def long_image(tested: MethodUnderTest) -> str | None:
    """Compare a very long image with the gallery."""
    return _unusual(tested, "long")


@topic.check(
    reason="a broken file must be reported by name, not scored as if it showed an animal",
    remedy="do not catch the ReidbenchError of images.pixels: it names the file",
    needs=("represents",),
)
def broken_image(tested: MethodUnderTest) -> str | None:
    """Extract the features of a file that is no image."""
    broken = tested.drawn.broken
    try:
        tested.fitted.extract(broken)
    except ReidbenchError as error:
        named = str(broken.image_path(1)) in error.where
        return None if named else f"the error does not name the file: {error.message}"
    except Exception as error:
        return f"a file that is no image raises {_error_text(error)}"
    return "a file that is no image has features"


@topic.check(
    reason="a run compares features from the cache, which are mapped from disk and read-only",
    remedy="use array names without /, and keep nothing that score needs outside the representation",
    needs=("scores_finite",),
)
def cache_keeps_it(tested: MethodUnderTest) -> str | None:
    """Store the features of the sample in a cache, read them and compare features and scores."""
    with cache_in(tested.folder / "cache"):
        cached = []
        for number, original in enumerate(tested.sample.by_part):
            store = RepresentationStore(key_of("check", str(number)))
            keys = [f"image {row}" for row in range(len(original))]
            try:
                store.add(keys[:2], original.take(np.array([0, 1])), 0.0)
                store.add(keys[2:], original.take(np.array([2, 3, 4])), 0.0)
                cached.append(store.read(keys))
            except Exception as error:
                return f"the cache cannot store the features: {_error_text(error)}"
            difference = differences.of_representations(cached[-1], original, exact=True)
            if difference:
                return f"after reading from the cache, {difference}"
        sample = tested.fitted.from_parts(tested.drawn.sample, tuple(cached))
        scores = _scores_or_error(tested, sample, tested.gallery)
        if isinstance(scores, str):
            return f"with features from the cache, {scores}"
        return differences.of_scores(scores, tested.fitted.scores(tested.sample, tested.gallery))


def _same_as(tested: MethodUnderTest, images: ImageSet, rows: list[int]) -> str | None:
    """Extract images of the sample in another way, and compare with the rows of the sample.

    Another batch size may change the order of keypoints with equal strength. For local features the scores decide.
    """
    extracted = tested.fitted.extract(images)
    expected = tested.sample.take(rows)
    difference = differences.of_representations(extracted.representation, expected.representation)
    if difference is None or not extracted.representation.ragged:
        return difference
    build, gallery = tested.calibrated, tested.gallery
    return differences.of_scores(build.scores(extracted, gallery), build.scores(expected, gallery)) and difference


def _unusual(tested: MethodUnderTest, name: str) -> str | None:
    """Extract an unusual image and compare it with the gallery; return what is wrong."""
    try:
        extracted = tested.fitted.extract(tested.drawn.unusual[name])
    except Exception as error:
        return f"extracting its features: {_error_text(error)}"
    for key, array in _arrays(extracted.representation).items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            return f"'{key}' contains infinity"
    scores = _scores_or_error(tested, extracted, tested.gallery)
    if isinstance(scores, str):
        return scores
    return f"its scores contain nan: {scores[1].tolist()}" if np.isnan(scores).any() else None


def _scores_or_error(tested: MethodUnderTest, queries: Extracted, gallery: Extracted) -> NDArray[Any] | str:
    """Return the scores, or the error as a text."""
    try:
        return tested.calibrated.scores(queries, gallery)
    except Exception as error:
        return f"comparing: {_error_text(error)}"


def _arrays(representation: Representation) -> dict[str, NDArray[Any]]:
    return {**representation.dense, **{key: rows.values for key, rows in representation.ragged.items()}}


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def batches_of(parts: Sequence[Any], size: int) -> Iterator[None]:
    """Set the batch size of methods inside the context."""
    before = [part.batch_size for part in parts]
    for part in parts:
        part.batch_size = size
    try:
        yield
    finally:
        for part, original in zip(parts, before, strict=True):
            part.batch_size = original


@contextlib.contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Use a folder as the cache inside the context."""
    before = os.environ.get("REIDBENCH_CACHE")
    os.environ["REIDBENCH_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["REIDBENCH_CACHE"]
        else:
            os.environ["REIDBENCH_CACHE"] = before
