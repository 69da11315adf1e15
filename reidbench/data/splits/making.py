"""Make a split from a seed, separately in each group."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

import numpy as np

from reidbench.data.images import ImageSet
from reidbench.data.splits.checks import check_seed_and_share
from reidbench.data.splits.dealing import Group
from reidbench.data.splits.kinds import Kind, parse_kind
from reidbench.data.splits.leaks import leaks
from reidbench.data.splits.shuffle import Shuffle
from reidbench.data.splits.split import PARTS, QUERIES, Split
from reidbench.errors import ReidbenchError

NEW_SHARE: Final = 0.3
"""Share of queries that show unknown animals by default."""


def make_split(images: ImageSet, *, kind: str = "open-set", seed: int = 0, new_share: float | None = None) -> Split:
    """Split a dataset, separately in each group.

    The first encounter of a known animal is enrolled. The next encounters go to calibration, test, gallery, gallery,
    and so on: a third to each part for animals with three or four encounters, half to the gallery for animals with
    many. Unknown animals are drawn from all identities, also from those with one image. About half of their images are
    queries and the rest is ``unused``: more animals with fewer images each, because balanced accuracy counts animals.

    Args:
        images: The dataset.
        kind: One of

            - ``open-set``;
            - ``closed-set``, without unknown animals;
            - ``disjoint``: half of the identities are only in ``fit``, the other half is an open-set split;
            - ``time-proportion``: the earlier days of each animal are enrolled, the later days are queries;
            - ``time-cutoff``: one day divides gallery and queries of all animals. As
              ``time-cutoff=2022-06-01,2023-01-01`` it names this day and the first day of the test queries;
            - ``random``: as ``time-proportion``, but single photographs are dealt, whatever their day.

            The last three leave images without a date unused.
        seed: Seed of the split.
        new_share: Share of unknown animals among the queries of calibration and of test, 0 to below 1, in each group as
            closely as whole identities allow; by default 0.3. ``closed-set`` has none, and ``time-cutoff`` those that
            the days give: a share is refused.

    Returns:
        A split with queries of known animals in calibration and test and, unless it is ``closed-set``, of unknown
        animals. A small group can lack some of these.

    Raises:
        ReidbenchError: The dataset is too small; the message names what each part lacks. Or the kind can't obey
            ``new_share``.

    Example:
        >>> make_split(images, seed=1).counts["test"]  # doctest: +SKIP
        84
    """
    asked = parse_kind(kind)
    check_seed_and_share(seed, new_share)
    asked.check_share(new_share)
    images = images.in_canonical_order()
    share = (NEW_SHARE if new_share is None else new_share) if asked.has_new else 0.0
    parts = np.full(len(images), "unused", dtype=object)
    warnings = _undated(images) if asked.in_time else []
    dated = images.date != ""
    encounter = images.encounter_days if asked.in_time else images.encounter
    by_group: dict[str, list[int]] = defaultdict(list)
    image_ids = images.image_id.tolist()
    for row in range(len(images)):
        if dated[row] or not asked.in_time:
            by_group[images.table["group"].iloc[row]].append(row)
    for name in sorted(by_group):
        asked.deal(Group(images, by_group[name], encounter, Shuffle(seed, name), parts, share))
    warnings += leaks(parts, images)
    split = Split(
        tuple(image_ids), tuple(parts.tolist()), asked.name, seed, tuple(warnings), share if asked.holds_share else None
    )
    _check_complete(split, images, asked, needs_unknown=asked.has_new and (share > 0 or not asked.holds_share))
    return split.on(images)


def _undated(images: ImageSet) -> list[str]:
    """Return a warning about images without a date.

    Raises:
        ReidbenchError: No image has a date.
    """
    table = images.table
    undated = images.date == ""
    if undated.all():
        raise ReidbenchError(
            f"no image of '{images.name}' has a date, which this kind of split needs",
            where=images.origin.file,
            remedy="fill in the column 'date' (YYYY-MM-DD), or use --split-kind open-set",
        )
    if not undated.any():
        return []
    left = sorted(set(table["group"]) - set(table["group"][~undated]))
    whole = f"; the split leaves out {', '.join(left)}, where no image has a date" if left else ""
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
                f"it has {len(seen)} identities, {again} of them with more than one encounter "
                f"({images.encounter_rule}); add encounters, "
                + ("choose other days, " if kind.in_time and not kind.holds_share else "")
                + "or write the split yourself and give it with --split"
            ),
        )
