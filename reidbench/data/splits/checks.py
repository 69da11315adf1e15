"""Checks that all kinds of split share: of their options, and of the groups of their queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reidbench.errors import ReidbenchError


def check_groups_are_enrolled(queries: Iterable[str], enrolled: Iterable[str], *, where: str, remedy: str) -> None:
    """Check that every query has a gallery, if a query searches the gallery of its group.

    A query without a gallery could only be predicted as new. Such a prediction says nothing about the method, and the
    score would count it.

    Args:
        queries: Group of each query.
        enrolled: Group of each gallery image.
        where: The option or file that the error names.
        remedy: Advice for the user.

    Raises:
        ReidbenchError: A group of queries has no gallery image; the error names these groups.

    Example:
        >>> check_groups_are_enrolled(["lynx"], ["lynx", "seal"], where="", remedy="")
    """
    counts = sorted(Counter(queries).items())
    groups = set(enrolled)
    listed = ", ".join(f"'{name}' ({n} {'query' if n == 1 else 'queries'})" for name, n in counts if name not in groups)
    if listed:
        raise ReidbenchError(
            f"the gallery has no image of these groups of queries: {listed}", where=where, remedy=remedy
        )


def check_seed_and_share(seed: int, new_share: float | None) -> None:
    """Refuse a negative seed, and a share of unknown animals outside [0, 1).

    Raises:
        ReidbenchError: Either is out of range.
    """
    if seed < 0:
        raise ReidbenchError(f"a seed of {seed} is negative", where=f"seed {seed}", remedy="give 0 or more")
    if new_share is not None and not 0 <= new_share < 1:
        raise ReidbenchError(
            f"a share of unknown animals of {new_share} leaves no query of a known animal",
            where=f"--new-share {new_share}",
            remedy="give a number from 0 to below 1; 0.3 is the default",
        )
