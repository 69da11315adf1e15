"""Encounters: the photographs of one animal that belong to one event, such as a sighting, a burst or a video.

Photographs of one encounter share light, place and pose. A query with a photograph of its encounter in the gallery is
easier than a query of another day. So splits keep encounters together, and scores leave out the query's encounter.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MINUTES: Final = 60.0
"""Longest time between two photographs that are one encounter because of their times."""


def encounters_of(
    identity: Sequence[str],
    *,
    value: Sequence[str],
    time: Sequence[str],
    day: Sequence[str],
    cluster: Sequence[str],
    file: Sequence[str] = (),
    minutes: float = MINUTES,
    whole_days: bool = False,
) -> NDArray[np.int64]:
    """Number the encounters of a dataset.

    Two photographs of one animal are connected if

    - they have the same encounter value or the same cluster of near-duplicates;
    - their files are equal, because a copy was made at the same moment;
    - their times are at most ``minutes`` apart, also across midnight;
    - they are of one day, and at least one of the two has neither an encounter value nor a time.

    An encounter is a set of photographs that such connections join, directly or through others. A photograph without
    any of these is an encounter by itself.

    Args:
        identity: Animal in each photograph, ``(n,)``.
        value: Encounter that the source names, empty if it names none, ``(n,)``. Two animals with one value have two
            encounters.
        time: Time of each photograph, ``YYYY-MM-DDTHH:MM:SS`` or empty, ``(n,)``.
        day: Day of each photograph, ``YYYY-MM-DD`` or empty, ``(n,)``.
        cluster: Cluster of near-duplicates, empty for none, ``(n,)``. It connects photographs, but it does not replace
            the day as an encounter value does.
        file: Digest of each photograph's file, ``(n,)``; empty to ignore copies. It connects like a cluster.
        minutes: Longest time between two connected photographs; exactly that time connects.
        whole_days: Whether all photographs of one animal and day are connected, whatever their times and values.

    Returns:
        Number of the encounter of each photograph, from 0 in order of first appearance, ``(n,)``.

    Example:
        Ana is photographed at 23:58 and, after midnight, at 00:02 and 01:02: each is at most 60 minutes after the one
        before, so the three are one encounter. At 02:03, 61 minutes later, another encounter begins. Bo has one
        photograph.

        >>> times = ["2020-05-01T23:58:00", "2020-05-02T00:02:00", "2020-05-02T01:02:00", "2020-05-02T02:03:00", ""]
        >>> none = [""] * 5
        >>> days = [time[:10] for time in times]
        >>> encounters_of(["ana"] * 4 + ["bo"], value=none, time=times, day=days, cluster=none).tolist()
        [0, 0, 0, 1, 2]
    """
    links = [
        *_with_first((name, text) if text else None for name, text in zip(identity, value, strict=True)),
        *_with_first((name, text) if text else None for name, text in zip(identity, cluster, strict=True)),
        *_with_first(zip(identity, file, strict=True) if file else ()),
        *_in_time(identity, time, minutes),
    ]
    joining = {
        (name, each)
        for name, each, text, clock in zip(identity, day, value, time, strict=True)
        if each and (whole_days or not (text or clock))
    }
    of_day = zip(identity, day, strict=True)
    links += _with_first(each if each in joining else None for each in of_day)
    return _connected(len(identity), links)


def _with_first(keys: Iterable[Hashable]) -> Iterator[tuple[int, int]]:
    """Link each row with the first row of the same key; rows with the key ``None`` have no link."""
    first: dict[Hashable, int] = {}
    for row, key in enumerate(keys):
        if key is not None and first.setdefault(key, row) != row:
            yield first[key], row


def _in_time(identity: Sequence[str], time: Sequence[str], minutes: float) -> Iterator[tuple[int, int]]:
    """Link the consecutive photographs of an animal that are at most ``minutes`` apart."""
    rows = sorted((row for row, clock in enumerate(time) if clock), key=lambda row: (identity[row], time[row], row))
    taken = np.array([time[row] for row in rows], dtype="datetime64[s]")
    near = np.diff(taken) / np.timedelta64(1, "s") <= minutes * 60
    for place in np.flatnonzero(near).tolist():
        if identity[rows[place]] == identity[rows[place + 1]]:
            yield rows[place], rows[place + 1]


def _connected(n_row: int, links: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """Number the sets of rows that links connect, in order of first appearance (union-find)."""
    parent = list(range(n_row))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for left, right in links:
        first, second = sorted((root(left), root(right)))
        parent[second] = first
    number: dict[int, int] = {}
    return np.array([number.setdefault(root(row), len(number)) for row in range(n_row)], dtype=np.int64)
