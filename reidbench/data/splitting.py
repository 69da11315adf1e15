"""Make a split of a named kind, for kinds that fit every dataset and kinds that a source provides."""

from __future__ import annotations

from reidbench.data.competitions.split import split_like_competition
from reidbench.data.images import ImageSet
from reidbench.data.splits.given import split_as_given
from reidbench.data.splits.making import make_split
from reidbench.data.splits.split import Split

AUTO = "auto"
"""The kind that the dataset's source names, else ``open-set``."""
NEW_SHARE = 0.3
"""Share of queries that show unknown animals, for kinds that do not define it themselves."""


def split_of_kind(images: ImageSet, kind: str = AUTO, *, seed: int = 0, new_share: float | None = None) -> Split:
    """Split a dataset.

    Args:
        images: The dataset.
        kind: ``auto``; ``competition``, which imitates the queries of the competition; ``given``, the split of the
            source; or a kind of :func:`make_split`.
        seed: Seed of the split.
        new_share: Share of the queries that show unknown animals; by default that of the kind, 0.3 for most kinds.

    Raises:
        ReidbenchError: The dataset can't be split in this way.
    """
    given = images.given
    if kind == AUTO:
        kind = given.kind if given is not None and given.kind else "open-set"
    if kind == "given":
        return split_as_given(images, seed=seed, new_share=new_share)
    if kind == "competition":
        return split_like_competition(images, seed=seed, new_share=new_share)
    return make_split(images, kind=kind, seed=seed, new_share=NEW_SHARE if new_share is None else new_share)
