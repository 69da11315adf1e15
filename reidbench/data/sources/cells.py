"""Read single cells of a table of images: dates, boxes, ids and masks.

A cell that can't be read is returned as it is. The image set then refuses it and names file and row.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reidbench.data.names import identity_name, is_missing_word, is_word, whole_numbers

_NO_MASK = frozenset({"", "nan", "NaN", "<NA>", "None", "[]"})
# Year first only: 03/04/2019 is March in one country and April in the next.
_DAY = re.compile(r"(\d{4})[-:/.](\d{1,2})[-:/.](\d{1,2})(?:[T ]+(.*))?")
_TIME = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp][Mm])?\s*"
    # An offset from UTC is -12:00 to +14:00; 14:30-15:00 is a range, which is not read.
    r"(?:Z|UTC|\+(?:0\d|1[0-3]):?[0-5]\d|\+14:?00|-(?:0\d|1[01]):?[0-5]\d|-12:?00)?"
)
_MIDNIGHT = "00:00:00"
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_YEAR_OR_MONTH = re.compile(r"\d{4}([-:/.](0?[1-9]|1[0-2]))?|\d{4}([-:/.]\d{1,2})?[-:/.]0?0([T ]+0?0:00(:00)?)?")


def is_missing(value: Any) -> bool:
    """Tell whether a cell is missing: ``None``, ``nan``, ``NaT`` or ``NA``."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def text(values: Sequence[Any], *, numbers: bool = True) -> list[Any]:
    """Turn a column of one type into text and missing cells into ``""``; a mix of numbers and text stays as it is.

    pandas writes the whole numbers of a column as ``7.0`` if a cell is empty. So ``7.0`` becomes ``7`` in a column of
    numbers, whether the file holds numbers or text.

    Args:
        values: The cells.
        numbers: Whether the column can hold numbers; paths cannot.

    Example:
        >>> text([7, None]), text(["a", 7]), text(["7.0", ""]), text(["007", "7.0"])
        (['7', ''], ['a', 7], ['7', ''], ['007', '7.0'])
    """
    present = [value for value in values if not is_missing(value)]
    written = [isinstance(value, str) for value in present]
    if any(written) and not all(written):
        return ["" if is_missing(value) else value for value in values]
    cells = ["" if is_missing(value) else str(value).strip() for value in values]
    return whole_numbers(cells) if numbers else cells


def moment(value: Any) -> str | None:
    """Read a date with or without a time, ``YYYY-MM-DD`` or ``YYYY-MM-DDTHH:MM:SS``.

    Midnight counts as no time, because programs that know only the day write it. The time is that of the clock: an
    offset from UTC is left out. A time that can't be read is left out too.

    Returns:
        The date; ``""`` for no date and for words such as ``NA``; ``None`` for a year or a month, which name no day;
        the text unchanged if it can't be read.

    Example:
        >>> moment("2019:05:03 12:00:00"), moment("2019-05-03 00:00"), moment("2019"), moment("3 May")
        ('2019-05-03T12:00:00', '2019-05-03', None, '3 May')
    """
    if is_missing(value):
        return ""
    if isinstance(value, (datetime.date, pd.Timestamp)):
        clock = value.strftime("%H:%M:%S")
        return value.strftime("%Y-%m-%d") + ("" if clock == _MIDNIGHT else f"T{clock}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    written = str(value).strip()
    if is_word(identity_name(written)):
        return ""
    if _YEAR_OR_MONTH.fullmatch(written):
        return None
    found = _DAY.fullmatch(written) or _DIGITS.fullmatch(written)
    if found is None:
        return written
    try:
        day = datetime.date(*(int(number) for number in found.groups()[:3])).isoformat()
    except ValueError:
        return written
    clock = _clock(found.groups()[3] or "" if len(found.groups()) > 3 else "")
    return f"{day}T{clock}" if clock else day


def clock_text(value: Any) -> str:
    """Return the text after the day of a date, empty if there is none.

    Example:
        >>> clock_text("2019-05-03 14h30"), clock_text("2019-05-03")
        ('14h30', '')
    """
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    return (found[4] or "").strip() if found else ""


def _clock(text: str) -> str:
    """Return ``HH:MM:SS``; empty for midnight, for no time and for a time that can't be read."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return ""
    hour, minute, second, half = int(match[1]), int(match[2]), int(match[3] or 0), (match[4] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        clock = datetime.time(hour, minute, min(second, 59)).isoformat()
    except ValueError:
        return ""
    return "" if clock == _MIDNIGHT else clock


def bounding_box(value: Any) -> Any:
    """Read ``(x, y, width, height)`` from a list, an array or text such as ``[10, 20, 64, 48]``.

    Returns:
        Four floats; ``None`` for no box; the value unchanged if it can't be read.
    """
    if is_missing(value):
        return None
    parts: Sequence[Any]
    if isinstance(value, str):
        inner = value.strip().strip("[]()").strip()
        if is_missing_word(inner):
            return None
        parts = [part for part in re.split(r"[,;\s]+", inner) if part]
        if all(is_missing_word(part) for part in parts):
            return None
    else:
        try:
            parts = list(value)
        except TypeError:
            return value
        if parts and all(is_missing(part) for part in parts):
            return None
    try:
        return tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return value


def has_mask(cell: Any) -> bool:
    """Tell whether a cell contains a mask.

    Example:
        >>> has_mask("masks/7.png"), has_mask([0, 0, 4, 0, 4, 3]), has_mask(float("nan")), has_mask("")
        (True, True, False, False)
    """
    if isinstance(cell, str):
        return cell.strip() not in _NO_MASK
    if isinstance(cell, (list, tuple, np.ndarray)):
        return len(cell) > 0
    return not is_missing(cell)
