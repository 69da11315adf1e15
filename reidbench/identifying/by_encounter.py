"""Group new photographs into encounters, for runs whose queries are encounters.

The animal in a new photograph is unknown. So the user says, by naming the option, that all photographs of one encounter
show one animal.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reidbench.data.encounters import MINUTES, encounters_of
from reidbench.errors import ReidbenchError
from reidbench.identifying.new_photographs import NewPhotographs
from reidbench.matching.pooling import IMAGE, Pooling, parse_query
from reidbench.records.run_record import RunRecord


def check_unit(record: RunRecord, by: str | None) -> str:
    """Return the unit of queries of a run, which has to be the one that the user names.

    Args:
        record: The run.
        by: ``image``, ``encounter``, ``encounter:best`` or ``encounter:mean``; ``None`` if the user names none.

    Raises:
        ReidbenchError: It is another unit: the threshold of the run was chosen for its own.
    """
    unit = record.data.query
    asked = IMAGE if by is None else parse_query(by, "--by")
    if asked == unit:
        return unit
    remedy = f"add --by {unit}, if all photographs of an encounter show one animal; or use a run made without --query"
    if by is not None:
        option = "without --query" if asked == IMAGE else f"with --query {asked}"
        remedy = f"repeat the run {option} (features are cached), and use that run"
    raise ReidbenchError(
        f"the threshold of the run was chosen for queries of the unit '{unit}', not '{asked}'",
        where=str(record.path) + (f", --by {by}" if by is not None else ""),
        remedy=remedy,
    )


def pooling_of(new: NewPhotographs, unit: str, minutes: float | None) -> tuple[Pooling | None, str]:
    """Return which photographs are one query, and a note on it.

    Photographs of one group with the same value in the column ``encounter`` are one encounter. Of the others,
    photographs of one folder are one encounter if at most ``minutes`` lie between them.

    Args:
        new: The new photographs.
        unit: What one query is.
        minutes: Longest time between two photographs of one encounter; ``None`` for the default.

    Raises:
        ReidbenchError: No photograph has a value in the column ``encounter`` or a time.
    """
    if unit == IMAGE:
        return None, ""
    if minutes is not None:
        new.images.with_encounter_minutes(minutes)  # checks the number
    given = minutes
    images, value = new.images, new.encounter or ("",) * len(new.images)
    minutes = MINUTES if minutes is None else minutes
    time = ["" if text else moment for text, moment in zip(value, images.time.tolist(), strict=True)]
    if not any(value) and not any(time):
        raise ReidbenchError(
            "the photographs have neither encounter values nor times, so their encounters are unknown",
            where=f"--by {unit}",
            remedy="name a CSV with a column encounter, or with times in the column date; or use photographs with "
            "capture times (EXIF)",
        )
    folder = [str(Path(str(path)).parent) for path in images.table["path"]]
    within = zip(images.group.tolist(), folder, value, strict=True)
    none = [""] * len(images)
    number = encounters_of(
        [group if text else f"{group}\x00{place}" for group, place, text in within],
        value=value,
        time=time,
        day=none,
        cluster=none,
        minutes=minutes,
    )
    single = sum(not (text or moment) for text, moment in zip(value, time, strict=True))
    by = ["column 'encounter'"] * any(value) + [f"times at most {minutes:g} minutes apart in a folder"] * any(time)
    note = (
        f"{len(images)} photographs are {len(np.unique(number))} encounters, by {' and '.join(by)}: all photographs of "
        "an encounter are taken to show one animal"
    )
    if given is not None and not any(time):
        note += f". --encounter-minutes {given:g} has no effect: no photograph without an encounter value has a time"
    if single:
        note += f". {single} photographs have neither an encounter nor a time, and each is one encounter"
    return Pooling.of(unit, number.astype(str)), note
