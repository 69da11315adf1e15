"""Read a column of dates, and say which times and dates may be wrong."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reidbench.data.capture_times import CLOCK_EPOCHS
from reidbench.data.sources.cells import clock_text, moment

_OFFSET = re.compile(r"(Z|UTC|[+-]\d{2}:?\d{2})$")


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of a column.

    Attributes:
        texts: ``YYYY-MM-DD`` with or without a time, empty for no date, for each cell; the text itself if it can't be
            read, which the image set refuses.
        remarks: A line for each kind of doubt.
    """

    texts: list[str]
    remarks: tuple[str, ...]


def read_dates(cells: Sequence[Any]) -> Dates:
    """Read the cells of a column of dates.

    Example:
        >>> dates = read_dates(["2021-05-06 07:08", "2021-05-06 14h30", "2021"])
        >>> dates.texts
        ['2021-05-06T07:08:00', '2021-05-06', '']
        >>> dates.remarks[1]
        "the time of 1 date cannot be read, such as '14h30'; write it as HH:MM, or the day counts alone"
    """
    read = [moment(cell) for cell in cells]
    texts = ["" if date is None else date for date in read]
    remarks = []
    dayless = sum(date is None for date in read)
    if dayless:
        remarks.append(f"{_dates(dayless)} without a day, such as a year alone, read as no date")
    clocks = [clock_text(cell) for cell in cells]
    lost = [clock for clock, date in zip(clocks, texts, strict=True) if clock and "T" not in date]
    lost = [clock for clock in lost if not _is_midnight(clock)]
    if lost:
        remarks.append(
            f"the time of {_dates(len(lost))} cannot be read, such as '{lost[0]}'; write it as HH:MM, or the day "
            "counts alone"
        )
    offsets = {found[1] for clock in clocks if (found := _OFFSET.search(clock))}
    if len(offsets) > 1:
        remarks.append(
            f"times have several offsets from UTC ({', '.join(sorted(offsets))}): the clock time counts, as written"
        )
    tomorrow = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()
    future = [date for date in texts if tomorrow < date[:10] and re.match(r"\d{4}-", date)]
    if future:
        remarks.append(f"{_dates(len(future))} in the future, such as {min(future)}; correct or empty such cells")
    unset = Counter(date[:10] for date in texts if date[:10] in CLOCK_EPOCHS)
    if unset.total() > 1:
        remarks.append(
            f"{unset.total()} dates are {' or '.join(sorted(unset))}, where clocks begin that were never set; they "
            "count as days, so empty such cells if they are wrong"
        )
    return Dates(texts, tuple(remarks))


def _dates(count: int) -> str:
    return "1 date" if count == 1 else f"{count} dates"


def _is_midnight(clock: str) -> bool:
    return re.match(r"(0?0:00(:00([.,]0+)?)?|12:00(:00)? *[Aa][Mm])\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$", clock) is not None
