"""Read the capture times that cameras wrote into the files (EXIF), and ignore the times that are certainly wrong.

A clock that was never set, or a program that knows only the day, gives many photographs the same time. Such times would
join unrelated photographs into one burst, so they count as unknown.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.data.pictures import open_picture

_EXIF, _TAKEN, _SUB_SECOND = 0x8769, 0x9003, 0x9291  # the Exif IFD, DateTimeOriginal, SubSecTimeOriginal (Exif 2.32)
_TIME = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?")
_UNKNOWN = np.datetime64("NaT", "ms")
_DAY = np.timedelta64(1, "D")
_SECOND = np.timedelta64(1, "s")
CLOCK_EPOCHS = frozenset({"1900-01-01", "1904-01-01", "1970-01-01", "1980-01-01", "2000-01-01"})
"""Days on which clocks begin that were never set. Hardly any photograph of wildlife was taken on one of them."""
_recorded: dict[tuple[str, int, int], np.datetime64] = {}  # (path, mtime, size) -> time; read once a process


@dataclass(frozen=True, slots=True, eq=False)
class CaptureTimes:
    """Capture times of the photographs of a dataset.

    Attributes:
        taken: Capture times as ``datetime64[ms]``, ``NaT`` if unknown or ignored, ``(n_image,)``.
        n_unset: Number of ignored times on one of :data:`CLOCK_EPOCHS`, or exactly at midnight.
        n_contradicted: Number of ignored times that are more than a day from the date in the table.
        n_stopped: Number of ignored times from stopped clocks.
    """

    taken: NDArray[np.datetime64]
    n_unset: int = 0
    n_contradicted: int = 0
    n_stopped: int = 0

    def __post_init__(self) -> None:
        if self.taken.ndim != 1 or self.taken.dtype != np.dtype("datetime64[ms]"):
            raise ValueError(
                f"times have shape {self.taken.shape} and type {self.taken.dtype}, not (n,) datetime64[ms]"
            )

    def __len__(self) -> int:
        return len(self.taken)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether a photograph has a usable capture time, ``(n_image,)``."""
        return ~np.isnat(self.taken)

    @property
    def ignored(self) -> str:
        """How many times were ignored for each reason; empty if none was.

        Example:
            >>> CaptureTimes(np.array(["NaT", "NaT"], dtype="datetime64[ms]"), n_unset=1, n_stopped=1).ignored
            '1 from clocks that were never set or with a day only, 1 from stopped clocks'
        """
        reasons = (
            (self.n_unset, "from clocks that were never set or with a day only"),
            (self.n_contradicted, "more than a day from the date in the table"),
            (self.n_stopped, "from stopped clocks"),
        )
        return ", ".join(f"{count} {why}" for count, why in reasons if count)

    def seconds(self) -> list[str]:
        """Return each time as ``YYYY-MM-DDTHH:MM:SS``, empty if it is unknown or ignored."""
        return ["" if np.isnat(taken) else str(taken.astype("datetime64[s]")) for taken in self.taken]


def remembered_times(
    paths: Sequence[Path],
    *,
    identity: NDArray[np.str_],
    content: Callable[[], Iterable[str]],
    date: NDArray[np.str_],
    within_s: float,
) -> CaptureTimes:
    """Read the capture time of each photograph, and ignore the times that :func:`usable_times` ignores.

    Args:
        paths: The files. The process remembers the time of a file as long as size and time of change stay the same.
        identity: Identity of each image, ``(n_image,)``.
        content: Returns the digest of each file, ``n_image`` of them. It is called only if a file has a time.
        date: Days in the table, ``YYYY-MM-DD`` or empty, ``(n_image,)``.
        within_s: Longest time in seconds between two photographs that belong together.
    """
    recorded = np.array([_remembered(path) for path in paths], dtype="datetime64[ms]")
    if np.isnat(recorded).all():
        return CaptureTimes(recorded)
    return usable_times(recorded, identity=identity, content=content(), date=date, within_s=within_s)


def _remembered(path: Path) -> np.datetime64:
    """Return the capture time of a file, which is read once."""
    try:
        status = path.stat()
    except OSError:
        return _UNKNOWN
    key = (str(path), status.st_mtime_ns, status.st_size)
    if key not in _recorded:
        _recorded[key] = read_capture_time(path)
    return _recorded[key]


def read_capture_time(path: Path) -> np.datetime64:
    """Return the capture time of a photograph to the millisecond; ``NaT`` if the file has none.

    Only ``DateTimeOriginal`` is read. ``DateTimeDigitized`` is the time of a scan, and programs change ``DateTime``
    when they save a file.
    """
    try:
        with warnings.catch_warnings(action="ignore"), open_picture(path) as opened:  # Pillow warns of broken metadata
            if opened.format == "PNG" and "exif" not in opened.info:
                return _UNKNOWN  # getexif would decode all pixels to look for metadata after them
            tags = dict(opened.getexif().get_ifd(_EXIF))
    except Exception:  # broken metadata can make Pillow raise any exception
        return _UNKNOWN
    return parse_capture_time(tags.get(_TAKEN), tags.get(_SUB_SECOND))


def parse_capture_time(taken: Any, sub_second: Any = None) -> np.datetime64:
    """Return the time of an EXIF text ``YYYY:MM:DD HH:MM:SS``; ``NaT`` if it is no valid time.

    Args:
        taken: Value of ``DateTimeOriginal``: text, bytes or ``None``. Other types are no valid time.
        sub_second: Value of ``SubSecTimeOriginal``: the digits after the decimal point of the seconds.

    Example:
        >>> parse_capture_time("2021:05:06 07:08:09", "25")
        np.datetime64('2021-05-06T07:08:09.250')
        >>> parse_capture_time("0000:00:00 00:00:00")
        np.datetime64('NaT','ms')
    """
    match = _TIME.fullmatch(_text(taken))
    if match is None:
        return _UNKNOWN
    year, month, day, hour, minute, second, fraction = match.groups()
    digits = _text(sub_second) if fraction is None else fraction
    thousandths = (digits + "00")[:3] if digits.isascii() and digits.isdigit() else "000"
    try:
        return np.datetime64(f"{year}-{month}-{day}T{hour}:{minute}:{second}.{thousandths}", "ms")
    except ValueError:  # month 13, hour 25
        return _UNKNOWN


def usable_times(
    recorded: NDArray[np.datetime64],
    *,
    identity: NDArray[np.str_],
    content: Iterable[str],
    date: NDArray[np.str_],
    within_s: float,
) -> CaptureTimes:
    """Ignore the times that are certainly wrong.

    These times are ignored:

    - exactly midnight, because programs that know only the day write it;
    - the days of :data:`CLOCK_EPOCHS`, on which a clock without power begins; 1 January of other years is a usual day;
    - a time more than a day from the date in the table;
    - a second at which a clock stopped: it has photographs of several animals, two or more of one of them, and no other
      photograph was taken within ``within_s`` before or after. Several animals in one second are not enough: a herd
      may be photographed at once and cut into one file for each animal.

    Args:
        recorded: Times as written in the files, ``(n_image,)``.
        identity: Identity of each image, ``(n_image,)``.
        content: Digest of each file, ``n_image`` of them. Images with one digest count as one photograph.
        date: Dates in the table, ``YYYY-MM-DD`` or empty, ``(n_image,)``.
        within_s: Longest time between two photographs of one burst in seconds.
    """
    taken = recorded.astype("datetime64[ms]")
    day = taken.astype("datetime64[D]")
    second = taken.astype("datetime64[s]")
    epochs = np.array(sorted(CLOCK_EPOCHS), dtype="datetime64[D]")
    unset = ~np.isnat(taken) & ((second == day) | np.isin(day, epochs))
    taken[unset] = _UNKNOWN
    table_day = np.array([np.datetime64(text or "NaT", "D") for text in date.tolist()], dtype="datetime64[D]")
    contradicted = np.abs(taken.astype("datetime64[D]") - table_day) > _DAY  # a time zone may shift a time by a day
    taken[contradicted] = _UNKNOWN
    stopped = _stopped(taken, identity, tuple(content), within_s)
    taken[stopped] = _UNKNOWN
    return CaptureTimes(taken, int(unset.sum()), int(contradicted.sum()), int(stopped.sum()))


def _stopped(
    taken: NDArray[np.datetime64], identity: NDArray[np.str_], content: tuple[str, ...], within_s: float
) -> NDArray[np.bool_]:
    """Mark the times at which a clock had stopped, ``(n_image,)``."""
    stopped = np.zeros(len(taken), bool)
    rows = np.flatnonzero(~np.isnat(taken))
    if not len(rows):
        return stopped
    seconds, second_of_row = np.unique(taken[rows].astype("datetime64[s]"), return_inverse=True)
    photographs: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row, number in zip(rows.tolist(), second_of_row.tolist(), strict=True):
        photographs[number][identity[row]].add(content[row])
    gap_after = np.append(np.diff(seconds) / _SECOND > within_s, True)
    isolated = gap_after & np.append(True, gap_after[:-1])
    clock_stopped = [
        bool(isolated[number]) and len(by_animal) > 1 and max(map(len, by_animal.values())) > 1
        for number, by_animal in sorted(photographs.items())
    ]
    stopped[rows] = np.array(clock_stopped)[second_of_row]
    return stopped


def _text(value: Any) -> str:
    """Return the value of a tag as text. Some programs write bytes, and many add zero bytes at the end."""
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return value.strip("\0 ") if isinstance(value, str) else ""
