"""Split a competition's database so that calibration and test imitate the queries of the competition.

In each dataset, unknown animals have the same share of the queries as in the competition (27, 30 and 50 % in
AnimalCLEF 2025), and an animal has as many queries as there. Queries of turtles are later than the enrolled turtles.
Animals with a single photograph stay in the gallery. Calibration and test have the same composition; together they are
as large a share of the images as the real queries.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict

import numpy as np

from reidbench.data.competitions.catalogue import find_competition
from reidbench.data.competitions.folder import SPLIT_KIND
from reidbench.data.images import ImageSet
from reidbench.data.splits.checks import check_seed_and_share
from reidbench.data.splits.dealing import Group, gather
from reidbench.data.splits.imitation import Shape, deal_shaped
from reidbench.data.splits.shuffle import Shuffle
from reidbench.data.splits.split import QUERIES, Split
from reidbench.errors import ReidbenchError


def split_like_competition(images: ImageSet, *, seed: int = 0, new_share: float | None = None) -> Split:
    """Split a competition's database so that the queries imitate its own, separately in each group.

    Args:
        images: The database, from :func:`read_competition`.
        seed: Seed of the split.
        new_share: Share of the queries that show unknown animals, in every group; by default the share of each group
            in the competition.

    Raises:
        ReidbenchError: The images are not of a competition, or are too few.
    """
    competition = find_competition(images.name) if images.source == "competition" else None
    if competition is None:
        raise ReidbenchError(
            f"'{images.name}' is not a competition, so there are no queries to imitate",
            where=f"--split-kind {SPLIT_KIND}",
            remedy="use --dataset AnimalCLEF2025 --root DIR, or --split-kind open-set",
        )
    check_seed_and_share(seed, new_share)
    images = images.in_canonical_order()
    image_ids = images.image_id.tolist()
    groups = images.group.tolist()
    by_group: dict[str, list[int]] = defaultdict(list)
    for row in range(len(images)):
        by_group[groups[row]].append(row)
    parts = np.full(len(images), "unused", dtype=object)
    warnings = []
    for group in sorted(by_group):
        shuffle = Shuffle(seed, group)
        animals = gather(Group(images, by_group[group], images.encounter, shuffle, parts, 0.0))
        names = shuffle(sorted(animals), "identities")
        shape = competition.shapes.get(group, Shape())
        if new_share is not None:
            shape = dataclasses.replace(shape, new_share=new_share)
        note = deal_shaped({name: animals[name] for name in names}, shape, QUERIES, parts, images.date)
        if note:
            warnings.append(f"{group}: {note}")
    split = Split(tuple(image_ids), tuple(parts.tolist()), SPLIT_KIND, seed, tuple(warnings), new_share)
    _check_asked(split, images, needs_new=new_share is None or new_share > 0)
    return split.on(images)


def _check_asked(split: Split, images: ImageSet, *, needs_new: bool) -> None:
    identity = images.identity
    enrolled = np.unique(identity[split.indices("gallery", images)])
    short = []
    for part in QUERIES:
        known = Counter(np.isin(identity[split.indices(part, images)], enrolled).tolist())
        if not known[True]:
            short.append(f"{part} has no query of a known animal")
        if needs_new and not known[False]:
            short.append(f"{part} has no query of an unknown animal")
    if short:
        raise ReidbenchError(
            f"'{images.name}' is too small to imitate its queries: {'; '.join(short)}",
            where=images.origin.file,
            remedy="check that the folder is complete, or use --split-kind open-set",
        )
