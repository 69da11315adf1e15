"""Use the split that a dataset provides in its columns ``split`` and, for near-duplicates, ``cluster_id``.

Such a split usually has a gallery and test queries, but no calibration queries. Those are then taken from the gallery,
with the composition of the test queries. No cluster of near-duplicates is in two parts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.data.splits.checks import check_seed_and_share
from reidbench.data.splits.dealing import Group, gather
from reidbench.data.splits.imitation import Shape, deal_shaped
from reidbench.data.splits.leaks import leaks
from reidbench.data.splits.shuffle import Shuffle
from reidbench.data.splits.split import Split
from reidbench.errors import ReidbenchError

WORDS: Final = {
    "train": "gallery",
    "training": "gallery",
    "database": "gallery",
    "gallery": "gallery",
    "reference": "gallery",
    "val": "calibration",
    "valid": "calibration",
    "validation": "calibration",
    "calibration": "calibration",
    "test": "test",
    "testing": "test",
    "query": "test",
}
"""Part of a split for each word that a column ``split`` may contain."""
_MOST = 0.25  # largest share of a gallery group that becomes calibration queries
_IMAGES = 10  # most calibration queries of one animal


def split_as_given(images: ImageSet, *, seed: int = 0, new_share: float | None = None) -> Split:
    """Split a dataset by its columns ``split`` and ``cluster_id``.

    Args:
        images: Images whose source has a column ``split``, and optionally ``cluster_id``.
        seed: Seed for choosing calibration queries, if the source has none.
        new_share: Share of calibration queries that show unknown animals; by default that of the test queries. It is
            refused if the source has calibration queries.

    Returns:
        The split. An image with an empty cell in ``split`` is unused. If a cluster of near-duplicates is in two parts,
        its images stay in the test part, else in calibration; the others are unused, and a warning counts them.

    Raises:
        ReidbenchError: There is no column ``split``, it contains an unknown word, or a part is empty.
    """
    check_seed_and_share(seed, new_share)
    images = images.in_canonical_order()
    given = images.given
    if given is None or not any(given.part):
        raise ReidbenchError(
            f"'{images.name}' has no column split",
            where="--split-kind given",
            remedy="use another kind, such as --split-kind open-set",
        )
    words = np.array([word.lower() for word in given.part.tolist()], dtype=object)
    strange = sorted({word for word in words if word and word not in WORDS})
    if strange:
        raise ReidbenchError(
            f"the column split contains '{strange[0]}', which is not a known word",
            where=images.origin.at(int(np.flatnonzero(words == strange[0])[0])),
            remedy=f"known words: {', '.join(WORDS)}",
        )
    parts = np.array([WORDS.get(word, "unused") for word in words], dtype=object)
    clusters = given.cluster.astype(str)
    for part in ("gallery", "test"):
        if part not in parts:
            raise ReidbenchError(
                f"the column split of '{images.name}' has no image of the part {part}",
                where=images.origin.file,
                remedy="use another kind, such as --split-kind open-set",
            )
    warnings = _part_clusters(parts, clusters, ("test", "calibration", "gallery"))
    if "calibration" in parts:
        if new_share is not None:
            raise ReidbenchError(
                f"--new-share has no effect: the column split of '{images.name}' has calibration queries",
                where=f"--split-kind given --new-share {new_share:g}",
                remedy="remove --new-share (new_share), or make another split: --split-kind open-set",
            )
    else:
        warnings += _deal_calibration(images, parts, clusters, seed, new_share)
        warnings += _part_clusters(parts, clusters, ("calibration", "gallery"))
        identity = images.identity
        if not np.isin(identity[parts == "calibration"], identity[parts == "gallery"]).any():
            raise ReidbenchError(
                f"no animal in the gallery of '{images.name}' has photographs of two encounters, so there can be no "
                "calibration queries",
                where=images.origin.file,
                remedy="use another kind, such as --split-kind open-set",
            )
    warnings += leaks(parts, images)
    image_ids = tuple(images.table["image_id"])
    return Split(image_ids, tuple(parts.tolist()), "given", seed, tuple(warnings), new_share).on(images)


def _part_clusters(parts: NDArray[np.object_], clusters: NDArray[Any], order: tuple[str, ...]) -> list[str]:
    """Keep each cluster in its first part of ``order``; its images in later parts become unused."""
    dropped = 0
    kept: set[str] = set()
    for part in order:
        mine = np.flatnonzero((parts == part) & (clusters != ""))
        torn = mine[np.isin(clusters[mine], list(kept))]
        parts[torn] = "unused"
        dropped += len(torn)
        kept |= set(clusters[mine].tolist())
    if not dropped:
        return []
    return [f"{dropped} images are near-duplicates of queries (cluster_id) and are not enrolled"]


def _deal_calibration(
    images: ImageSet, parts: NDArray[np.object_], clusters: NDArray[Any], seed: int, new_share: float | None
) -> list[str]:
    """Turn gallery images into calibration queries; unknown animals are preferably absent from the test queries."""
    identity, group = images.identity, images.group
    enrolled = parts == "gallery"
    blocks = _blocks(images, clusters)
    tested = set(identity[parts == "test"].tolist())
    by_group: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(enrolled).tolist():
        by_group[group[row]].append(row)
    for name in sorted(by_group):
        rows = by_group[name]
        asked = np.flatnonzero((parts == "test") & (group == name))
        new = ~np.isin(identity[asked], identity[rows])
        share = float(new.mean()) if new_share is None and len(asked) else (new_share or 0.0)
        size = len(asked) / len(rows) if len(asked) else 0.1
        shape = Shape(min(share, 0.9), float(np.clip(size, 1e-6, _MOST)), _IMAGES, _IMAGES)
        shuffle = Shuffle(seed, name)
        animals = gather(Group(images, rows, blocks, shuffle, parts, share))
        order = shuffle(sorted(animals), "identities")
        untested = set(animals) - tested
        deal_shaped(
            {animal: animals[animal] for animal in order}, shape, ("calibration",), parts, may_be_new=untested or None
        )
    unknown = tested - set(identity[parts == "gallery"].tolist())
    taken = (parts == "test") & np.isin(identity, list(unknown & set(identity[parts == "calibration"].tolist())))
    parts[taken] = "unused"
    if not taken.any():
        return []
    return [f"{int(taken.sum())} test queries show unknown animals that calibration needs: they are unused"]


def _blocks(images: ImageSet, clusters: NDArray[Any]) -> NDArray[Any]:
    """Return a number for each image; images of one encounter or one cluster, chained, have the same number."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    _, met = np.unique(images.encounter, return_inverse=True)
    alone = np.array([f"\x00{row}" for row in range(len(images))])
    _, cluster = np.unique(np.where(clusters == "", alone, clusters), return_inverse=True)
    links = (np.ones(len(images)), (met, met.max() + 1 + cluster))  # an image ties its encounter to its cluster
    size = int(met.max() + cluster.max() + 2)
    _, component = connected_components(coo_matrix(links, shape=(size, size)), directed=False)
    return np.asarray(component[met])
