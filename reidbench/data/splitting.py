"""Make a split of a named kind, for kinds that fit every dataset and kinds that a source provides.

An option of a split that would change nothing is refused, so that no number is taken for another one's.
"""

from __future__ import annotations

from reidbench.data.competitions.split import split_like_competition
from reidbench.data.images import ImageSet
from reidbench.data.splits.given import split_as_given
from reidbench.data.splits.kinds import MAY_DRAW_NOTHING, SOURCE_KINDS, parse_kind
from reidbench.data.splits.making import make_split
from reidbench.data.splits.split import Split
from reidbench.errors import ReidbenchError

AUTO = "auto"
"""The kind that the dataset's source names, else ``open-set``."""


def split_of_kind(images: ImageSet, kind: str = AUTO, *, seed: int = 0, new_share: float | None = None) -> Split:
    """Split a dataset.

    Args:
        images: The dataset.
        kind: ``auto``; ``competition``, which imitates the queries of the competition; ``given``, the split of the
            source; or a kind of :func:`make_split`.
        seed: Seed of the split.
        new_share: Share of the queries that show unknown animals; by default that of the kind, 0.3 for most kinds.

    Raises:
        ReidbenchError: The dataset can't be split in this way, or ``seed`` or ``new_share`` would change nothing.
    """
    split = split_again(images, kind, seed=seed, new_share=new_share)
    if seed and split.kind.partition("=")[0] in MAY_DRAW_NOTHING:
        first = split_again(images, kind, new_share=new_share)
        if split.parts == first.parts:
            raise ReidbenchError(
                f"the split of kind '{split.kind}' is the same with seed {seed} and with seed 0, because nothing in it "
                "is drawn",
                where=f"--split-kind {kind} --split-seed {seed}",
                remedy="remove --split-seed (split_seeds), or choose another kind of split, such as open-set",
            )
    return split


def split_again(images: ImageSet, kind: str, *, seed: int = 0, new_share: float | None = None) -> Split:
    """Make the split of a saved run again, whose seed may change nothing; for the arguments see :func:`split_of_kind`.

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
    return make_split(images, kind=kind, seed=seed, new_share=new_share)


def check_kind(kind: str, new_share: float | None) -> None:
    """Check the kind of a split and the share of unknown animals as far as this needs no images.

    Raises:
        ReidbenchError: There is no such kind, or it can't obey the share.
    """
    if kind not in SOURCE_KINDS:
        parse_kind(kind).check_share(new_share)


def refuse_with_split(kind: str, seed: int, new_share: float | None) -> None:
    """Refuse the options of a split to make if a split is given: they would change nothing.

    Raises:
        ReidbenchError: One of them has another value than its default.
    """
    others = {"split_kind": kind != AUTO, "split_seed": seed != 0, "new_share": new_share is not None}
    names = [name for name, is_given in others.items() if is_given]
    if names:
        raise ReidbenchError(
            f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} no effect together with split, which names "
            "the part of each image",
            where=f"split, {', '.join(names)}",
            remedy="remove split to make a split, or the other options to use it",
        )
