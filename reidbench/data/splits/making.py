"""Splits made from a seed, each group for itself."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from reidbench.data.images import ImageSet
from reidbench.data.splits.dealing import Group
from reidbench.data.splits.kinds import Kind, parse_kind
from reidbench.data.splits.leaks import leaks
from reidbench.data.splits.shuffle import Shuffle
from reidbench.data.splits.split import PARTS, QUERIES, Split
from reidbench.errors import ReidbenchError


def make_split(images: ImageSet, *, kind: str = "open-set", seed: int = 0, new_share: float = 0.3) -> Split:
    """Split a dataset, each group for itself.

    Of a known animal the first encounter drawn is enrolled, the next are dealt to calibration, test, gallery,
    gallery, and so on: a third each for animals seen three or four times, half of the images enrolled for
    animals seen often. Unknown animals are drawn among all identities alike, those with one image too.
    Each brings about half of its images, the rest is ``unused``: more animals with fewer images each, because
    balanced accuracy counts animals.

    Args:
        images: What to split.
        kind: ``open-set``; ``closed-set``, without unknown animals; ``disjoint``, where half of the identities
            are only learnt from (``fit``) and the other half is an open-set split; ``time-proportion``, where the
            earlier days of each animal are enrolled and the later asked about; ``time-cutoff``, where one day parts
            gallery and queries of all (``time-cutoff=2022-06-01,2023-01-01`` names it, and the first day of the test);
            ``random``, which deals the photographs of ``time-proportion`` one by one, whatever their day. The last
            three leave images without a date unused.
        seed: Seed of the split.
        new_share: Share of the queries of calibration, and of those of test, that show unknown animals, 0 to 1,
            kept within each group as nearly as whole identities allow. A closed-set split takes none, and
            ``time-cutoff`` those that came.

    Returns:
        A split with queries of known animals in calibration and test and, unless it is closed-set, of unknown.
        A group that is too small for all four may lack some.

    Raises:
        ReidbenchError: The whole dataset is too small; says which part is short of what.

    Example:
        >>> make_split(images, seed=1).counts["test"]  # doctest: +SKIP
        84
    """
    asked = parse_kind(kind)
    if not 0 <= new_share < 1:
        raise ReidbenchError(
            f"a share of new animals of {new_share} leaves no query of a known one",
            where=f"--new-share {new_share}",
            remedy="give a number from 0 to below 1; 0.3 is the default",
        )
    if seed < 0:
        raise ReidbenchError(f"a seed of {seed} is negative", where=f"seed {seed}", remedy="give 0 or more")
    share = new_share if asked.has_new else 0.0
    parts = np.full(len(images), "unused", dtype=object)
    warnings = _undated(images) if asked.in_time else []
    dated = images.table["date"].to_numpy(dtype=object) != ""
    by_group: dict[str, list[int]] = defaultdict(list)
    image_ids = images.table["image_id"].tolist()
    for row in sorted(range(len(images)), key=lambda index: image_ids[index]):
        if dated[row] or not asked.in_time:
            by_group[images.table["group"].iloc[row]].append(row)
    for name in sorted(by_group):
        asked.deal(Group(images, by_group[name], images.encounter, Shuffle(seed, name), parts, share))
    warnings += leaks(parts, images)
    split = Split(
        tuple(image_ids), tuple(parts.tolist()), asked.name, seed, tuple(warnings), share if asked.holds_share else None
    )
    _check_complete(split, images, asked, needs_unknown=asked.has_new and (share > 0 or not asked.holds_share))
    return split


def _undated(images: ImageSet) -> list[str]:
    """Say which images can't be placed in time.

    Raises:
        ReidbenchError: None can.
    """
    table = images.table
    undated = table["date"] == ""
    if undated.all():
        raise ReidbenchError(
            f"no image of '{images.name}' has a date, so none comes before another",
            where=images.origin.file,
            remedy="fill in the column 'date' (YYYY-MM-DD), or take --split-kind open-set",
        )
    if not undated.any():
        return []
    left = sorted(set(table["group"]) - set(table["group"][~undated]))
    whole = f"; none has one in {', '.join(left)}, which is left out" if left else ""
    return [f"{int(undated.sum())} of {len(table)} images have no date and are unused{whole}"]


def _check_complete(split: Split, images: ImageSet, kind: Kind, *, needs_unknown: bool) -> None:
    identity = images.table["identity"].to_numpy(dtype=object)
    rows = {part: split.indices(part, images) for part in PARTS}
    enrolled = set(identity[rows["gallery"]])
    short = [f"{part} has no image" for part in ("gallery", "fit") if not len(rows[part])]
    if not kind.learns_apart:
        short = [line for line in short if not line.startswith("fit")]
    for part in QUERIES:
        known = sum(name in enrolled for name in identity[rows[part]])
        if not known:
            short.append(f"{part} has no query of a known animal")
        if needs_unknown and known == len(rows[part]):
            short.append(f"{part} has no query of an unknown animal")
    if short:
        _, first = np.unique(images.encounter, return_index=True)  # one image of each encounter
        seen = Counter(images.identity[first].tolist())
        again = sum(count > 1 for count in seen.values())
        raise ReidbenchError(
            f"'{images.name}' is too small for a split ({split.kind}): {'; '.join(short)}",
            where=images.origin.file,
            remedy=(
                f"it has {len(seen)} identities, {again} of them seen more than once (images of one day count once); "
                "add images of animals seen again, "
                + ("choose other days, " if kind.in_time and not kind.holds_share else "")
                + "or write the split yourself and give it with --split"
            ),
        )
