"""Bursts: photographs of one animal that follow one another within seconds, by the cameras' own clocks.

A burst is a chain: its first and last photograph may be further apart than any two that follow one another. Where no
date is in the table, or one encounter runs past midnight, it is all that tells of an encounter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.auditing.capture_times import CaptureTimes

WITHIN_S = 60.0
"""Seconds between two photographs of a burst at most: an animal before a camera moves, and light and place stay."""


@dataclass(frozen=True, slots=True, eq=False)
class Bursts:
    """Pairs of photographs that follow one another in a burst.

    Attributes:
        rows: The two rows, the lower first, each pair once, in order, ``(n_pair, 2)``.
        apart_s: Seconds between them, ``(n_pair,)``.
        note: How many photographs say when they were taken, and what was not believed.
    """

    rows: NDArray[np.int64]
    apart_s: NDArray[np.float64]
    note: str

    def __post_init__(self) -> None:
        if self.rows.shape != (len(self.apart_s), 2):
            raise ValueError(f"rows have shape {self.rows.shape} for {len(self.apart_s)} pairs")


def find_bursts(
    times: CaptureTimes, identity: NDArray[np.str_], sides: NDArray[np.object_], within_s: float = WITHIN_S
) -> Bursts:
    """Chain the photographs of each animal that were taken at most ``within_s`` after one another.

    Args:
        times: When each was taken.
        identity: The animal of each, ``(n_image,)``.
        sides: Its side of the split, empty where it is on none, ``(n_image,)``: where images on no side stand between
            two that are on one, these two are paired as well.
        within_s: Seconds between two that follow one another; as many seconds exactly are within.
    """
    rows = np.flatnonzero(times.known)
    number = np.unique(identity, return_inverse=True)[1]
    rows = rows[np.lexsort((rows, times.taken[rows], number[rows]))]
    gap = np.diff(times.taken[rows]).astype(np.int64)
    follows = (number[rows[1:]] == number[rows[:-1]]) & (gap <= round(1000 * within_s))
    burst = np.cumsum(np.append(0, ~follows))[: len(rows)]
    pairs = [_consecutive(rows, burst)]
    placed = np.array([side != "" for side in sides[rows]], dtype=bool)
    pairs.append(_consecutive(rows[placed], burst[placed]))
    found = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    apart_ms = np.abs(times.taken[found[:, 0]] - times.taken[found[:, 1]]).astype(np.int64)
    return Bursts(found, apart_ms / 1000, _note(times, within_s))


def _consecutive(rows: NDArray[np.int64], burst: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pair each row with the next of its burst, ``(n_pair, 2)``."""
    together = burst[1:] == burst[:-1]
    return np.stack([rows[:-1][together], rows[1:][together]], axis=1).astype(np.int64)


def _note(times: CaptureTimes, within_s: float) -> str:
    n_known = int(times.known.sum())
    reasons = (
        (times.n_unset, "of clocks that nobody set, or of a day alone"),
        (times.n_contradicted, "more than a day from the table's date"),
        (times.n_stopped, "of clocks that stood still"),
    )
    dropped = ", ".join(f"{count} {why}" for count, why in reasons if count)
    told = f" Times not believed: {dropped}." if dropped else ""
    if not n_known:
        return f"Same burst: no photograph {'is left that ' if told else ''}says when it was taken (EXIF).{told}"
    return (
        f"Same burst: photographs of one animal within {within_s:g} s of one another; {n_known} of {len(times)} say "
        f"when they were taken (EXIF).{told}"
    )
