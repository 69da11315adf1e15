"""Audit a dataset and a split: :func:`audit_images` runs all checks.

A check that cannot be made is listed with its reason in ``Audit.not_checked``, so that a table does not show 0 for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

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
from reidbench.auditing.names import other_animals_in_file_names, same_name_variants, unidentified_names
from reidbench.auditing.near_duplicates import MIN_CORRELATION, groups_of, near_duplicates
from reidbench.data.encounter_line import describe_encounters
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.progress import Progress

TINY = 32
"""Images whose shorter side is below this number of pixels show little of a pattern."""


def audit_images(
    images: ImageSet,
    split: Split | None = None,
    *,
    alike: float = MIN_CORRELATION,
    burst_s: float = WITHIN_S,
    embeddings: Embeddings | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Find problems that make the scores on a dataset look better than they are.

    Args:
        images: The dataset.
        split: A split of the dataset, to find the pairs that it separates. Without it, encounters are not compared.
        alike: Lowest correlation of a near-duplicate, 0 to 1.
        burst_s: Longest time in seconds between two photographs of one burst.
        embeddings: Embeddings of a saved run, to find near-duplicates by cosine as well.
        progress: Shows a progress bar.

    Example:
        >>> audit = audit_images(images, make_split(images))  # doctest: +SKIP
        >>> len(audit.leaked())  # doctest: +SKIP
        3
    """
    fingerprints = fingerprint(images, progress)
    pairs = _equal(images, fingerprints)
    equal_rows = {(pair.left, pair.right) for pair in pairs}
    near = near_duplicates(fingerprints, alike=alike)
    pairs += [
        Pair(NEAR, int(left), int(right), float(value))
        for (left, right), value in zip(near.rows, near.correlation, strict=True)
        if (int(left), int(right)) not in equal_rows
    ]
    notes, not_checked = [], {}
    if embeddings is None:
        not_checked[NEAR_EMBEDDING] = "add --embedding RUN to compare the embeddings of a saved run"
    else:
        near_pairs, note = _near_in_embedding(images, embeddings, pairs)
        pairs += near_pairs
        notes.append(note)
    times = capture_times(images, within_s=burst_s, progress=progress)
    bursts = find_bursts(times, images.identity, sides_of(images, split), burst_s)
    pairs += [
        Pair(SAME_BURST, left, right, apart_s=apart_s)
        for (left, right), apart_s in zip(bursts.rows.tolist(), bursts.apart_s.tolist(), strict=True)
    ]
    if times.known.any():
        notes.append(bursts.note)
    else:
        not_checked[SAME_BURST] = bursts.note
    n_placed = int(images.placed.sum())
    if split is None:
        not_checked[SAME_DAY] = "there is no split that could separate an encounter"
    elif n_placed:
        content = fingerprints.content  # copies are listed already, as the same file
        pairs += [pair for pair in _same_encounter(images, split) if content[pair.left] != content[pair.right]]
        notes.append(f"Same encounter: {describe_encounters(images)}.")
        if n_placed < len(images):
            notes.append(
                f"Same encounter: only {n_placed} of {len(images)} images have a date, a time or an encounter."
            )
    else:
        not_checked[SAME_DAY] = "no image has a date, a time or an encounter"
    return Audit(
        images=images,
        split=split,
        pairs=tuple(pairs),
        suspects=tuple(_suspects(images, fingerprints, pairs)),
        groups=_linked_groups(images, pairs),
        notes=tuple(notes),
        not_checked=not_checked,
    )


def _near_in_embedding(images: ImageSet, embeddings: Embeddings, pairs: Sequence[Pair]) -> tuple[list[Pair], str]:
    """Return the pairs by embedding that are not in ``pairs`` yet, and a note on the limit that they reach."""
    paired = {(pair.left, pair.right) for pair in pairs}
    linked = groups_of(np.array(sorted(paired), dtype=np.int64).reshape(-1, 2), len(images))
    near = near_embeddings(embeddings, images, linked)
    near_pairs = [
        Pair(NEAR_EMBEDDING, left, right, cosine)
        for (left, right), cosine in zip(near.pairs.rows.tolist(), near.pairs.cosine.tolist(), strict=True)
        if (left, right) not in paired
    ]
    return near_pairs, near.note


def _linked_groups(images: ImageSet, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """Return a group number for each image; images that a chain of pairs or an encounter connects share it."""
    identity = images.identity
    # Two animals near in embedding are hard cases, not copies. A repaired split must keep them.
    links = [
        (pair.left, pair.right)
        for pair in pairs
        if pair.kind != NEAR_EMBEDDING or identity[pair.left] == identity[pair.right]
    ]
    # All encounters, not only those that this split separates: the runs that are scored again have other splits.
    links += [(pair.left, pair.right) for pair in _with_first(SAME_DAY, images.encounter.tolist())]
    return groups_of(np.array(links, dtype=np.int64).reshape(-1, 2), len(images))


def _equal(images: ImageSet, fingerprints: Fingerprints) -> list[Pair]:
    """Pair files with equal bytes and box, and images with equal pixels; each is paired with the first equal one."""
    boxes = images.table["bbox"].tolist()
    pairs = _with_first(SAME_BYTES, zip(fingerprints.content, map(str, boxes), strict=True))
    paired = {(pair.left, pair.right) for pair in pairs}
    same_pixels = _with_first(SAME_PIXELS, fingerprints.pixels)
    return pairs + [pair for pair in same_pixels if (pair.left, pair.right) not in paired]


def _with_first(kind: str, keys: Iterable[Hashable]) -> list[Pair]:
    """Pair each row with the first row that has the same key; rows with an empty key are left out."""
    first: dict[Hashable, int] = {}
    pairs = []
    for row, key in enumerate(keys):
        if key != "" and (first_row := first.setdefault(key, row)) != row:
            pairs.append(Pair(kind, first_row, row))
    return pairs


def _same_encounter(images: ImageSet, split: Split) -> list[Pair]:
    """Pair each image of an encounter that the split separates with one image on another side."""
    sides = sides_of(images, split)
    members: dict[Hashable, list[int]] = defaultdict(list)
    for row, encounter in enumerate(images.encounter.tolist()):
        if sides[row]:
            members[encounter].append(row)
    pairs = []
    for rows in members.values():
        first = rows[0]
        other = next((row for row in rows if sides[row] != sides[first]), None)
        if other is not None:
            # One partner for each image shows the leak; all pairs would grow with the square of the encounter.
            pairs += [
                Pair(SAME_DAY, *sorted((row, first if sides[row] != sides[first] else other))) for row in rows[1:]
            ]
    return sorted(set(pairs), key=lambda pair: (pair.left, pair.right))


def _suspects(images: ImageSet, fingerprints: Fingerprints, pairs: Sequence[Pair]) -> list[Suspect]:
    identity, path = images.table["identity"].tolist(), images.table["path"].tolist()
    suspects = [Suspect("unreadable", (row,), f"{path[row]}: {why}") for row, why in fingerprints.unreadable.items()]
    for row, (width, height) in enumerate(fingerprints.size.tolist()):
        if 0 < min(width, height) < TINY:
            suspects.append(Suspect("tiny", (row,), f"{path[row]}: {width} x {height} pixels"))
    for pair in pairs:
        names = identity[pair.left], identity[pair.right]
        if pair.kind in (SAME_BYTES, SAME_PIXELS, NEAR) and names[0] != names[1]:
            suspects.append(
                Suspect(
                    "one photograph under two names",
                    (pair.left, pair.right),
                    f"{path[pair.left]} is '{names[0]}', {path[pair.right]} is '{names[1]}' ({pair.kind})",
                )
            )
    suspects += _shared_files(images, fingerprints)
    return suspects + same_name_variants(images) + unidentified_names(images) + other_animals_in_file_names(images)


def _shared_files(images: ImageSet, fingerprints: Fingerprints) -> list[Suspect]:
    """Find files with several animals, each in its box: such images share light and place."""
    rows_by_file: dict[str, list[int]] = defaultdict(list)
    for row, content in enumerate(fingerprints.content):
        rows_by_file[content].append(row)
    identity, boxes = images.table["identity"].tolist(), images.table["bbox"].tolist()
    return [
        Suspect(
            "two animals in one file",
            tuple(rows),
            f"{images.table['path'].iloc[rows[0]]}: {', '.join(sorted({identity[row] for row in rows}))}",
        )
        for rows in rows_by_file.values()
        if len({identity[row] for row in rows}) > 1 and len({str(boxes[row]) for row in rows}) > 1
    ]
