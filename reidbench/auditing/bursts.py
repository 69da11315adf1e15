"""Find bursts: photographs of one animal that follow one another within seconds, by the clock of the camera.

A burst is a chain: the first and the last photograph may be further apart than the limit. Bursts find encounters that
dates miss, because the table has no dates or because the encounter passes midnight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.data.capture_times import CaptureTimes

WITHIN_S = 60.0
"""Longest time in seconds between two photographs of a burst. In one minute light and place hardly change."""


@dataclass(frozen=True, slots=True, eq=False)
class Bursts:
    """Pairs of photographs that follow one another in a burst.

    Attributes:
        rows: The two rows of each pair, the lower first, sorted and without repetition, ``(n_pair, 2)``.
        apart_s: Time between the two photographs in seconds, ``(n_pair,)``.
        note: How many photographs have a capture time, and which times were ignored. If no photograph has one, the
            note is the reason why there was nothing to compare.
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
    """Pair the photographs of each animal that follow one another within ``within_s`` seconds.

    If a burst has photographs that are on no side of the split, the photographs before and after them are also paired
    with each other. Otherwise a leak through an unused photograph would not be seen.

    Args:
        times: Capture time of each photograph.
        identity: Identity of each photograph, ``(n_image,)``.
        sides: Side of the split of each photograph, empty if it is on no side, ``(n_image,)``.
        within_s: Longest time between two photographs in seconds; a gap of exactly that time is included.
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
    unique_pairs = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    apart_ms = np.abs(times.taken[unique_pairs[:, 0]] - times.taken[unique_pairs[:, 1]]).astype(np.int64)
    return Bursts(unique_pairs, apart_ms / 1000, _note(times, within_s))


def _consecutive(rows: NDArray[np.int64], burst: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pair each row with the next row of the same burst, ``(n_pair, 2)``."""
    together = burst[1:] == burst[:-1]
    return np.stack([rows[:-1][together], rows[1:][together]], axis=1).astype(np.int64)


def _note(times: CaptureTimes, within_s: float) -> str:
    n_known = int(times.known.sum())
    ignored = times.ignored
    if not n_known:
        reason = "no photograph has a usable capture time (EXIF)"
        return f"{reason}; ignored: {ignored}" if ignored else reason
    note = (
        f"Same burst: photographs of one animal that follow one another within {within_s:g} s; {n_known} of "
        f"{len(times)} photographs have a usable capture time (EXIF)."
    )
    return f"{note} Ignored: {ignored}." if ignored else note
