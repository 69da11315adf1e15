"""How long a slow matcher will take in a run: number of pairs, and the rate on this machine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from reidbench.calibration.calibrated import Calibrated
from reidbench.matching.episode import Features
from reidbench.methods.contract import Method
from reidbench.methods.fusion import Fusion
from reidbench.methods.local_features import LocalFeatureMethod
from reidbench.running.setup import Setup

_MEASURED_PAIRS = 4


@dataclass(frozen=True, slots=True, eq=False)
class _SlowPart:
    """A part with a slow matcher.

    Attributes:
        method: The part.
        path: Its path in the tree of parts.
        shortlist: Number of gallery images that a query is compared with; 0 for all.
        calibrated: Number of pairs of images in addition to those of the search, for its calibration.
    """

    method: LocalFeatureMethod
    path: str
    shortlist: int
    calibrated: int


def announce_slow_pairs(setup: Setup, features: Mapping[str, Features]) -> None:
    """Say how many pairs of images each slow matcher of a run compares at most, and how long this takes.

    The rate is measured on a few pairs of the run. A part that occurs several times compares no pair twice, so its
    largest number counts.

    Args:
        setup: The run.
        features: Features of ``gallery``, ``calibration`` and ``test``.
    """
    numbers: dict[int, tuple[_SlowPart, int]] = {}
    for part in _slow_parts(setup.method, "", 0, (len(setup.rows["calibration"]), len(setup.rows["gallery"]))):
        n_pair = part.calibrated + sum(n_query * _compared(part, n_gallery) for n_query, n_gallery in _searches(setup))
        if n_pair > numbers.get(id(part.method), (part, 0))[1]:
            numbers[id(part.method)] = part, n_pair
    for part, n_pair in numbers.values():
        rate = _pairs_per_second(part, features)
        setup.progress.note(
            f"{part.method.slow_matcher} compares at most {n_pair:,} pairs of images"
            f"{f' for {part.path}' if part.path else ''}: about {duration(n_pair / rate)} at {rate:.1f} pairs a second"
        )


def duration(seconds: float) -> str:
    """Return a duration in words.

    Example:
        >>> duration(40), duration(500), duration(9000)
        ('40 s', '8 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _searches(setup: Setup) -> Iterator[tuple[int, int]]:
    """Yield the number of queries and of the gallery images that they search, for each group and part of the split."""
    group = setup.images.group
    enrolled = Counter(group[setup.rows["gallery"]].tolist())
    for part in ("calibration", "test"):
        for name, n_query in Counter(group[setup.rows[part]].tolist()).items():
            yield n_query, enrolled[name] if setup.gallery_mode == "group" else enrolled.total()


def _compared(part: _SlowPart, n_gallery: int) -> int:
    """Return the number of pairs of one query that the slow matcher compares at most."""
    return min(number for number in (part.method.refine or n_gallery, part.shortlist or n_gallery, n_gallery))


def _slow_parts(method: Method, path: str, shortlist: int, sizes: tuple[int, int]) -> Iterator[_SlowPart]:
    """Yield the slow parts of a method.

    Args:
        method: The method.
        path: Its path in the tree of parts.
        shortlist: Number of gallery images that it compares with a query; 0 for all.
        sizes: Number of calibration queries and of gallery images.
    """
    calibrated = 0
    if isinstance(method, Calibrated):
        how, inner = method.how, method.inner
        n_first, n_gallery = (sizes[1], sizes[1]) if how.source == "gallery" else sizes
        if shortlist or how.source == "gallery":  # otherwise these pairs are among those of the search
            n_image = min(how.images or n_first, n_first)
            most = n_image * (n_image - 1) // 2 if how.source == "gallery" else n_first * n_gallery
            refine = getattr(inner, "refine", 0)
            calibrated = min(most, most if how.images else how.pairs, n_image * refine if refine else most)
        method = inner
    if isinstance(method, LocalFeatureMethod):
        if method.slow_matcher:
            yield _SlowPart(method, path, shortlist, calibrated)
        return
    for number, (name, part) in enumerate(method.parts.items()):
        listed = method.n_listed(sizes[1]) if isinstance(method, Fusion) and number else 0
        inside = f"{path}/{name}" if path else name
        yield from _slow_parts(part, inside, listed if listed < sizes[1] else 0, sizes)


def _pairs_per_second(part: _SlowPart, features: Mapping[str, Features]) -> float:
    query, gallery = (features[name].representation.part(part.path) for name in ("calibration", "gallery"))
    pairs = np.stack([np.zeros(_MEASURED_PAIRS, np.int64), np.arange(_MEASURED_PAIRS) % len(gallery)], axis=1)
    part.method.match(query, gallery, pairs[:1])  # the first call of a network takes longer
    started = time.perf_counter()
    part.method.match(query, gallery, pairs)
    return len(pairs) / max(time.perf_counter() - started, 1e-6)
