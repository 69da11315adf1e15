"""When each photograph was taken, as the camera wrote it into the file (EXIF), and which of these times to believe.

Cameras know no time that nobody set. What a clock shows without one, or what a program writes that knows the day alone,
would make one long burst of photographs that have nothing to do with each other; so such times count as none.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reidbench.data.images import ImageSet
from reidbench.progress import Progress

_EXIF, _TAKEN, _SUB_SECOND = 0x8769, 0x9003, 0x9291  # the Exif IFD, DateTimeOriginal, SubSecTimeOriginal (Exif 2.32)
_TIME = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?")
_NEVER = np.datetime64("NaT", "ms")
_DAY = np.timedelta64(1, "D")
_SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True, slots=True, eq=False)
class CaptureTimes:
    """When the photographs of a set were taken, where that can be believed.

    Attributes:
        taken: ``datetime64[ms]``, ``NaT`` where no time is known or believed, ``(n_image,)``.
        n_unset: Times that a clock shows which nobody set, or that name a day alone.
        n_contradicted: Times more than a day from the date that the table gives.
        n_stopped: Times at which a clock stood still.
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
        return ~np.isnat(self.taken)


def capture_times(images: ImageSet, *, within_s: float, progress: Progress | None = None) -> CaptureTimes:
    """Read when each photograph of a set was taken, and drop what can't be believed.

    Dropped are: midnight to the second, which is what a program writes that knows the day alone; 1 January, the day at
    which clocks begin that lost their battery (1970, 1980, 2000 … by maker), so that two such days are not one; a time
    more than a day from the table's own date; and a second at which a clock stood still. That is a second with
    photographs of several animals, two or more of one of them, while no photograph was taken within ``within_s``
    before or after: a camera in use comes to the next second. Two animals at one second are no sign by themselves: a
    herd photographed at once and cut into one file for each animal looks so.

    Args:
        images: Where the files are.
        within_s: Seconds that part two photographs of one burst at most.
        progress: Where the bar goes.
    """
    shown = np.full(len(images), _NEVER)
    with (progress or Progress()).stage("read capture times", len(images)) as stage:
        for row in range(len(images)):
            shown[row] = read_capture_time(images.image_path(row))
            stage.advance()
    return believed(
        shown,
        identity=images.identity,
        content=images.file_hashes(),
        date=images.date,
        within_s=within_s,
    )


def read_capture_time(path: Path) -> np.datetime64:
    """Return when a photograph was taken by its own clock, to the millisecond; ``NaT`` where the file does not say.

    Only ``DateTimeOriginal`` counts: a scanned album has its scans' times in ``DateTimeDigitized``, and every program
    that saves a file moves ``DateTime``.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as opened:  # Pillow warns of broken metadata
            found = dict(opened.getexif().get_ifd(_EXIF))
    except Exception:  # broken metadata raise whatever they make Pillow raise, and are no time
        return _NEVER
    return parse_capture_time(found.get(_TAKEN), found.get(_SUB_SECOND))


def parse_capture_time(taken: Any, sub_second: Any = None) -> np.datetime64:
    """Read EXIF's ``YYYY:MM:DD HH:MM:SS`` and the digits that follow its decimal point; ``NaT`` where that is no time.

    Example:
        >>> parse_capture_time("2021:05:06 07:08:09", "25")
        np.datetime64('2021-05-06T07:08:09.250')
        >>> parse_capture_time("0000:00:00 00:00:00")
        np.datetime64('NaT','ms')
    """
    found = _TIME.fullmatch(_text(taken))
    if found is None:
        return _NEVER
    year, month, day, hour, minute, second, fraction = found.groups()
    digits = _text(sub_second) if fraction is None else fraction
    thousandths = (digits + "00")[:3] if digits.isascii() and digits.isdigit() else "000"
    try:
        return np.datetime64(f"{year}-{month}-{day}T{hour}:{minute}:{second}.{thousandths}", "ms")
    except ValueError:  # month 13, hour 25
        return _NEVER


def believed(
    shown: NDArray[np.datetime64],
    *,
    identity: NDArray[np.str_],
    content: Iterable[str],
    date: NDArray[np.str_],
    within_s: float,
) -> CaptureTimes:
    """Drop the times that can't be believed, as :func:`capture_times` says.

    Args:
        shown: Times as the files give them, ``(n_image,)``.
        identity: The animal of each, ``(n_image,)``.
        content: A digest of each file, ``(n_image,)``: one file twice is one photograph.
        date: The table's own dates, ``YYYY-MM-DD`` or empty, ``(n_image,)``.
        within_s: Seconds that part two photographs of one burst at most.
    """
    taken = shown.astype("datetime64[ms]")
    day = taken.astype("datetime64[D]")
    second = taken.astype("datetime64[s]")
    unset = ~np.isnat(taken) & ((second == day) | (day == day.astype("datetime64[Y]")))
    taken[unset] = _NEVER
    own = np.array([np.datetime64(each or "NaT", "D") for each in date.tolist()], dtype="datetime64[D]")
    contradicted = np.abs(taken.astype("datetime64[D]") - own) > _DAY  # a day more or less may be a time zone
    taken[contradicted] = _NEVER
    stopped = _stopped(taken, identity, tuple(content), within_s)
    taken[stopped] = _NEVER
    return CaptureTimes(taken, int(unset.sum()), int(contradicted.sum()), int(stopped.sum()))


def _stopped(
    taken: NDArray[np.datetime64], identity: NDArray[np.str_], content: tuple[str, ...], within_s: float
) -> NDArray[np.bool_]:
    """Mark the times at which a clock stood still, ``(n_image,)``."""
    stopped = np.zeros(len(taken), bool)
    rows = np.flatnonzero(~np.isnat(taken))
    if not len(rows):
        return stopped
    second = taken.astype("datetime64[s]")
    at, place = np.unique(second[rows], return_inverse=True)
    photographs: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row, number in zip(rows.tolist(), place.tolist(), strict=True):
        photographs[number][identity[row]].add(content[row])
    far = np.append(np.diff(at) / _SECOND > within_s, True)
    alone = far & np.append(True, far[:-1])
    still = [
        bool(alone[number]) and len(of) > 1 and max(map(len, of.values())) > 1
        for number, of in sorted(photographs.items())
    ]
    stopped[rows] = np.array(still)[place]
    return stopped


def _text(value: Any) -> str:
    """Return what a tag holds as text: some programs write bytes, and many end it with zeros."""
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return value.strip("\0 ") if isinstance(value, str) else ""
