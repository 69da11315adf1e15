"""Checks of what a method makes of images: plain finite arrays that depend on the image and on nothing else."""

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
    reason="nan compares with nothing: a single one makes the scores of an image meaningless",
    remedy="guard divisions by zero, and return zero rows or a vector of zeros where there is nothing to describe",
    needs=("fits",),
)
def finite(tested: MethodUnderTest) -> str | None:
    try:
        extracted = tested.gallery, tested.queries, tested.sample
    except Exception as error:
        if "contains nan" in str(error):
            return str(error)
        raise NotApplicable("it describes nothing; see represents") from error
    for each in extracted:
        for key, array in _arrays(each.representation).items():
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                return f"'{key}' contains {'nan' if np.isnan(array).any() else 'infinity'}"
    return None


@topic.check(
    reason="a run describes every image, in the order given",
    remedy="represent(images, progress) returns a Representation with an entry for each image",
    needs=("finite",),
)
def represents(tested: MethodUnderTest) -> str | None:
    _ = tested.gallery, tested.queries, tested.sample
    return None


@topic.check(
    reason="representations are kept as plain arrays that can be mapped from disk; objects would need pickles",
    remedy="return numpy arrays of numbers, of the same types for every image",
    needs=("represents",),
)
def plain_arrays(tested: MethodUnderTest) -> str | None:
    gallery, queries = _arrays(tested.gallery.representation), _arrays(tested.queries.representation)
    for key, array in gallery.items():
        if not isinstance(array, np.ndarray):
            return f"'{key}' is {type(array).__name__}, not a numpy array"
        if array.dtype.kind not in "biuf":
            return f"'{key}' has the type {array.dtype}"
        other = queries.get(key)
        if other is None or other.dtype != array.dtype or other.shape[1:] != array.shape[1:]:
            told = "nothing" if other is None else f"{other.dtype} {other.shape[1:]}"
            return f"'{key}' is {array.dtype} {array.shape[1:]} for the gallery and {told} for queries"
    return None


@topic.check(
    reason="what says the same of every image can't tell animals apart",
    remedy="look at the pixels: is the input scaled as the network expects, are the weights loaded?",
    needs=("plain_arrays",),
)
def images_differ(tested: MethodUnderTest) -> str | None:
    extracted = tested.gallery
    for first in range(1, len(extracted.images)):
        if differences.of_representations(extracted.take([first]).representation, extracted.take([0]).representation):
            return None
    return f"all {len(extracted.images)} images have one representation"


@topic.check(
    reason="the cache keeps what was said first; another answer to the same question would never be seen",
    remedy="switch dropout and augmentation off in represent, and draw nothing at random",
    needs=("plain_arrays",),
)
def deterministic(tested: MethodUnderTest) -> str | None:
    again = tested.fitted.extract(tested.drawn.sample)
    return differences.of_representations(again.representation, tested.sample.representation, exact=True)


@topic.check(
    reason="row i of a representation is image i; anything else gives one animal's description to another",
    remedy="do not sort, shuffle or group images; where batches need it, put the rows back in order",
    needs=("deterministic",),
)
def order_kept(tested: MethodUnderTest) -> str | None:
    order = [4, 2, 0, 1, 3]
    return _same_as(tested, tested.drawn.sample.take(order), order)


@topic.check(
    reason="a gallery or a day's work may hold one photograph",
    remedy="do not squeeze: the arrays of one image have a first axis of length 1",
    needs=("scores_finite",),
)
def one_image(tested: MethodUnderTest) -> str | None:
    try:
        one = tested.fitted.extract(tested.drawn.sample.take([0]))
    except Exception as error:
        return f"describing one image: {_said(error)}"
    found = _scores_or_error(tested, one, tested.gallery.take([0]))
    if isinstance(found, str):
        return found
    return None if found.shape == (1, 1) else f"one query and one image have scores of shape {found.shape}, not (1, 1)"


@topic.check(
    reason="batches are as large as the memory of a machine allows, and shrink where it runs out",
    remedy="use the network in eval mode; let no image of a batch shape what is said of another",
    needs=("order_kept", "one_image"),
)
def batch_size(tested: MethodUnderTest) -> str | None:
    leaves = [leaf for leaf in tested.fitted.leaves if hasattr(leaf, "batch_size")]
    if not leaves:
        raise NotApplicable("it has no batch_size that could be changed")
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: it is given all images at once")
    for size in (1, _BATCH):
        with batches_of(leaves, size):
            difference = _same_as(tested, tested.drawn.sample, [0, 1, 2, 3, 4])
        if difference:
            return f"in batches of {size}, {difference}"
    return None


@topic.check(
    reason="the core describes 256 images at a time and keeps each: what is said of one depends on that one alone",
    remedy="normalise by what fit learned from the gallery, or declare transductive = True",
    needs=("batch_size",),
)
def image_subset(tested: MethodUnderTest) -> str | None:
    if tested.fitted.transductive:
        raise NotApplicable("declared transductive: it is given all images at once")
    chosen = [1, 3]
    return _same_as(tested, tested.drawn.sample.take(chosen), chosen)


@topic.check(
    reason="fog, a covered lens or a crop of bare ground: an image without contrast has no keypoints and no deviation",
    remedy="return zero rows, or a vector of zeros, and a similarity of 0",
    needs=("scores_finite",),
)
def blank_image(tested: MethodUnderTest) -> str | None:
    return _odd(tested, "blank")


@topic.check(
    reason="infrared photographs are grey: their three channels are equal",
    remedy="guard whatever divides by a difference of channels or by saturation",
    needs=("scores_finite",),
)
def grey_image(tested: MethodUnderTest) -> str | None:
    return _odd(tested, "grey")


@topic.check(
    reason="a detector's box may hold a few pixels",
    remedy="resize before anything that needs a least size",
    needs=("scores_finite",),
)
def tiny_image(tested: MethodUnderTest) -> str | None:
    return _odd(tested, "tiny")


@topic.check(
    reason="a snake or a tail fin gives a box that is thirty times as long as it is high",
    remedy="clip computed sides to at least one pixel, and pool whatever the shape",
    needs=("scores_finite",),
)
def long_image(tested: MethodUnderTest) -> str | None:
    return _odd(tested, "long")


@topic.check(
    reason="a broken file has to be named to whoever can mend it, not scored as if it showed an animal",
    remedy="let the ReidbenchError of images.pixels pass: it names the file",
    needs=("represents",),
)
def broken_image(tested: MethodUnderTest) -> str | None:
    broken = tested.drawn.broken
    try:
        tested.fitted.extract(broken)
    except ReidbenchError as error:
        named = str(broken.image_path(1)) in error.where
        return None if named else f"the error does not name the file: {error.message}"
    except Exception as error:
        return f"a file that is no image ends in {_said(error)}"
    return "a file that is no image was extracted like any other"


@topic.check(
    reason="a run scores what the cache gives back, which is mapped from disk and can't be written to",
    remedy="name arrays by plain words without /, and do not keep by id() or attribute what belongs into them",
    needs=("scores_finite",),
)
def cache_keeps_it(tested: MethodUnderTest) -> str | None:
    with cache_in(tested.folder / "cache"):
        read = []
        for number, kept in enumerate(tested.sample.by_leaf):
            store = RepresentationStore(key_of("check", str(number)))
            keys = [f"image {place}" for place in range(len(kept))]
            try:
                store.add(keys[:2], kept.take(np.array([0, 1])), 0.0)
                store.add(keys[2:], kept.take(np.array([2, 3, 4])), 0.0)
                read.append(store.read(keys))
            except Exception as error:
                return f"it can't be kept: {_said(error)}"
            difference = differences.of_representations(read[-1], kept, exact=True)
            if difference:
                return f"read back, {difference}"
        back = tested.fitted.from_parts(tested.drawn.sample, tuple(read))
        found = _scores_or_error(tested, back, tested.gallery)
        if isinstance(found, str):
            return f"read back, {found}"
        return differences.of_scores(found, tested.fitted.scores(tested.sample, tested.gallery))


def _same_as(tested: MethodUnderTest, images: ImageSet, rows: list[int]) -> str | None:
    """Describe images of the sample in another way, and compare with the sample's own rows.

    Keypoints that tie come in another order when a batch is computed otherwise: then the scores decide.
    """
    found = tested.fitted.extract(images)
    expected = tested.sample.take(rows)
    difference = differences.of_representations(found.representation, expected.representation)
    if difference is None or not found.representation.ragged:
        return difference
    build, gallery = tested.calibrated, tested.gallery
    return differences.of_scores(build.scores(found, gallery), build.scores(expected, gallery)) and difference


def _odd(tested: MethodUnderTest, name: str) -> str | None:
    try:
        extracted = tested.fitted.extract(tested.drawn.odd[name])
    except Exception as error:
        return f"describing it: {_said(error)}"
    for key, array in _arrays(extracted.representation).items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            return f"'{key}' contains infinity"
    found = _scores_or_error(tested, extracted, tested.gallery)
    if isinstance(found, str):
        return found
    return f"its scores contain nan: {found[1].tolist()}" if np.isnan(found).any() else None


def _scores_or_error(tested: MethodUnderTest, queries: Extracted, gallery: Extracted) -> NDArray[Any] | str:
    try:
        return tested.calibrated.scores(queries, gallery)
    except Exception as error:
        return f"scoring it: {_said(error)}"


def _arrays(representation: Representation) -> dict[str, NDArray[Any]]:
    return {**representation.dense, **{key: rows.values for key, rows in representation.ragged.items()}}


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def batches_of(leaves: Sequence[Any], size: int) -> Iterator[None]:
    """Have methods work in batches of another size for a while."""
    before = [leaf.batch_size for leaf in leaves]
    for leaf in leaves:
        leaf.batch_size = size
    try:
        yield
    finally:
        for leaf, own in zip(leaves, before, strict=True):
            leaf.batch_size = own


@contextlib.contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Keep representations in this folder for a while."""
    before = os.environ.get("REIDBENCH_CACHE")
    os.environ["REIDBENCH_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["REIDBENCH_CACHE"]
        else:
            os.environ["REIDBENCH_CACHE"] = before
