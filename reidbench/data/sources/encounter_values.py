"""Read the values of a column of encounters, and list values that may mean several events."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from reidbench.data.names import NameRules, identity_names, whole_numbers

LONGEST_DAYS: Final = 31
"""An encounter value of one animal with dates further apart than this was probably used for several events."""

_RULES = NameRules()
_SHOWN = 3


def encounter_values(cells: Sequence[Any]) -> list[str]:
    """Return encounter values by the rules for names; words for a missing value, such as NA, are empty.

    In a column with text, ``7.0`` is read as ``7`` if ``7`` occurs too: they are never two events.

    Example:
        >>> encounter_values(["dive  1", " dive 1", "NA"]), encounter_values([1.0, "1", None])
        (['dive 1', 'dive 1', ''], ['1', '1', ''])
    """
    names = identity_names(cells)
    written = set(names)
    for row, name in enumerate(names):
        whole = whole_numbers([name])[0]
        if whole in written:
            names[row] = whole
    return ["" if _RULES.is_unidentified(name) else name for name in names]


def repeats(identities: Sequence[str], encounters: Sequence[str]) -> bool:
    """Tell whether two photographs of one animal have the same encounter value."""
    pairs = [pair for pair in zip(identities, encounters, strict=True) if pair[1]]
    return len(set(pairs)) < len(pairs)


def encounter_remarks(identities: Sequence[str], encounters: Sequence[str], dates: Sequence[str]) -> list[str]:
    """Return a line for each kind of doubt about encounter values.

    Args:
        identities: Animal in each photograph, ``(n,)``.
        encounters: Encounter value of each photograph, empty if it has none, ``(n,)``.
        dates: Date of each photograph, with or without a time, empty if it is unknown, ``(n,)``. A text that is no
            date is left out.
    """
    lines = []
    spellings: dict[tuple[str, str], set[str]] = defaultdict(set)
    days: dict[tuple[str, str], list[datetime.date]] = defaultdict(list)
    for identity, value, date in zip(identities, encounters, dates, strict=True):
        if not value:
            continue
        spellings[identity, value.casefold()].add(value)
        if day := _day(date):
            days[identity, value].append(day)
    cases = [
        f"{' and '.join(map(repr, sorted(same)))} of '{identity}'"
        for (identity, _), same in spellings.items()
        if len(same) > 1
    ]
    if cases:
        lines.append(
            f"{_number(len(cases), 'encounter value')} of an animal in two spellings that differ in upper and lower "
            f"case count as different encounters: {_some(cases)}; correct the spelling if they are one"
        )
    long = [
        f"'{value}' of '{identity}' ({min(each)} to {max(each)})"
        for (identity, value), each in days.items()
        if (max(each) - min(each)).days > LONGEST_DAYS
    ]
    if long:
        lines.append(
            f"{_number(len(long), 'encounter value')} of an animal with dates more than {LONGEST_DAYS} days apart: "
            f"{_some(long)}; all photographs of an animal with one value are one encounter, so give each event another "
            "value, such as date and number"
        )
    return lines


def _day(date: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(date[:10])
    except ValueError:  # empty, or refused when the image set is checked
        return None


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _some(examples: Sequence[str]) -> str:
    more = f" and {len(examples) - _SHOWN} more" if len(examples) > _SHOWN else ""
    return ", ".join(examples[:_SHOWN]) + more
