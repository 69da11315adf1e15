"""The one function that looks a dataset and a split through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from reidbench.auditing.bursts import WITHIN_S, find_bursts
from reidbench.auditing.capture_times import capture_times
from reidbench.auditing.embeddings import Embeddings, near_embeddings
from reidbench.auditing.findings import (
    NEAR,
    NEAR_EMBEDDING,
    SAME_BURST,
    SAME_BYTES,
    SAME_DAY,
    SAME_PIXELS,
    Audit,
    Pair,
    Suspect,
    sides_of,
)
from reidbench.auditing.fingerprints import Fingerprints, fingerprint
from reidbench.auditing.names import named_in_files, written_alike
from reidbench.auditing.near_duplicates import ALIKE, groups_of, near_duplicates
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.progress import Progress

TINY = 32
"""Pixels: an image with a shorter side below this says little of any pattern."""


def audit_images(
    images: ImageSet,
    split: Split | None = None,
    *,
    alike: float = ALIKE,
    burst_s: float = WITHIN_S,
    embeddings: Embeddings | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Look for what makes the numbers of a dataset look better than they are.

    Args:
        images: The dataset.
        split: A split of it, so that leaks across it are told.
        alike: Least correlation of two pictures that are called one photograph.
        burst_s: Seconds between two photographs of one animal that follow one another in a burst, at most.
        embeddings: Of a saved run, to find near-duplicates by as well.
        progress: Where the bar goes.

    Example:
        >>> audit = audit_images(images, make_split(images))  # doctest: +SKIP
        >>> len(audit.leaked())  # doctest: +SKIP
        3
    """
    prints = fingerprint(images, progress)
    pairs = _equal(images, prints)
    known = {(pair.left, pair.right) for pair in pairs}
    near = near_duplicates(prints, alike=alike)
    pairs += [
        Pair(NEAR, int(left), int(right), float(value))
        for (left, right), value in zip(near.rows, near.correlation, strict=True)
        if (int(left), int(right)) not in known
    ]
    notes = []
    if embeddings is not None:
        more, note = _near_in_embedding(images, embeddings, pairs)
        pairs += more
        notes.append(note)
    more, note = _same_burst(images, split, burst_s, progress)
    pairs += more
    notes.append(note)
    if split is not None:
        pairs += _same_day(images, split)
    identity = images.identity
    # Of two animals, an embedding names some of the most alike by design, and those are the hard cases to keep.
    links = [
        (pair.left, pair.right)
        for pair in pairs
        if pair.kind != NEAR_EMBEDDING or identity[pair.left] == identity[pair.right]
    ]
    # Whole encounters, not only those that this split tears: a saved run stands on a split of its own.
    links += [(pair.left, pair.right) for pair in _with_first(SAME_DAY, images.encounters)]
    linked = np.array(links, dtype=np.int64).reshape(-1, 2)
    return Audit(
        images=images,
        split=split,
        pairs=tuple(pairs),
        suspects=tuple(_suspects(images, prints, pairs)),
        groups=groups_of(linked, len(images)),
        notes=tuple(notes),
    )


def _near_in_embedding(images: ImageSet, embeddings: Embeddings, pairs: Sequence[Pair]) -> tuple[list[Pair], str]:
    known = {(pair.left, pair.right) for pair in pairs}
    linked = groups_of(np.array(sorted(known), dtype=np.int64).reshape(-1, 2), len(images))
    near = near_embeddings(embeddings, images, linked)
    found = [
        Pair(NEAR_EMBEDDING, left, right, value)
        for (left, right), value in zip(near.pairs.rows.tolist(), near.pairs.cosine.tolist(), strict=True)
        if (left, right) not in known
    ]
    return found, near.note


def _same_burst(
    images: ImageSet, split: Split | None, burst_s: float, progress: Progress | None
) -> tuple[list[Pair], str]:
    times = capture_times(images, within_s=burst_s, progress=progress)
    identity = images.identity
    found = find_bursts(times, identity, sides_of(images, split), burst_s)
    pairs = [
        Pair(SAME_BURST, left, right, apart_s=apart)
        for (left, right), apart in zip(found.rows.tolist(), found.apart_s.tolist(), strict=True)
    ]
    return pairs, found.note


def _equal(images: ImageSet, prints: Fingerprints) -> list[Pair]:
    """Pair files of equal bytes and box, and images of equal pixels; of many equal ones each with the first."""
    boxes = images.table["bbox"].tolist()
    pairs = _with_first(SAME_BYTES, zip(prints.content, map(str, boxes), strict=True))
    known = {(pair.left, pair.right) for pair in pairs}
    return pairs + [pair for pair in _with_first(SAME_PIXELS, prints.pixels) if (pair.left, pair.right) not in known]


def _with_first(kind: str, keys: Iterable[Hashable]) -> list[Pair]:
    first: dict[Hashable, int] = {}
    pairs = []
    for row, key in enumerate(keys):
        if key != "" and (before := first.setdefault(key, row)) != row:
            pairs.append(Pair(kind, before, row))
    return pairs


def _same_day(images: ImageSet, split: Split) -> list[Pair]:
    """Pair, for each encounter on several sides, one image of each side with each of another."""
    sides = sides_of(images, split)
    by_encounter: dict[Hashable, dict[str, int]] = defaultdict(dict)
    members: dict[Hashable, list[int]] = defaultdict(list)
    for row, encounter in enumerate(images.encounters):
        if sides[row]:
            by_encounter[encounter].setdefault(sides[row], row)
            members[encounter].append(row)
    pairs = []
    for encounter, found in by_encounter.items():
        if len(found) > 1:
            start, rest = members[encounter][0], members[encounter][1:]
            other = next(row for row in members[encounter] if sides[row] != sides[start])
            # Each image with one of another side: enough to tell, without a square of pairs.
            pairs += [Pair(SAME_DAY, *sorted((row, start if sides[row] != sides[start] else other))) for row in rest]
    return sorted(set(pairs), key=lambda pair: (pair.left, pair.right))


def _suspects(images: ImageSet, prints: Fingerprints, pairs: Sequence[Pair]) -> list[Suspect]:
    identity, path = images.table["identity"].tolist(), images.table["path"].tolist()
    found = [Suspect("unreadable", (row,), f"{path[row]}: {why}") for row, why in prints.unreadable.items()]
    for row, (width, height) in enumerate(prints.size.tolist()):
        if 0 < min(width, height) < TINY:
            found.append(Suspect("tiny", (row,), f"{path[row]}: {width} x {height} pixels"))
    for pair in pairs:
        names = identity[pair.left], identity[pair.right]
        if pair.kind in (SAME_BYTES, SAME_PIXELS, NEAR) and names[0] != names[1]:
            found.append(
                Suspect(
                    "one photograph under two names",
                    (pair.left, pair.right),
                    f"{path[pair.left]} is '{names[0]}', {path[pair.right]} is '{names[1]}' ({pair.kind})",
                )
            )
    found += _shared_files(images, prints)
    return found + written_alike(images) + named_in_files(images)


def _shared_files(images: ImageSet, prints: Fingerprints) -> list[Suspect]:
    """Find photographs with two animals, each in its box: their light and place are one."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, content in enumerate(prints.content):
        rows[content].append(row)
    identity, boxes = images.table["identity"].tolist(), images.table["bbox"].tolist()
    return [
        Suspect(
            "two animals in one file",
            tuple(found),
            f"{images.table['path'].iloc[found[0]]}: {', '.join(sorted({identity[row] for row in found}))}",
        )
        for found in rows.values()
        if len({identity[row] for row in found}) > 1 and len({str(boxes[row]) for row in found}) > 1
    ]
