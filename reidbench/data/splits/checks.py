"""Checks of the options that all kinds of split share."""

from __future__ import annotations

from reidbench.errors import ReidbenchError


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
