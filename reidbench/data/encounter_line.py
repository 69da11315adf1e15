"""The line that gives the number of encounters of a dataset and how they were found."""

from __future__ import annotations

import numpy as np

from reidbench.data.encounters import MINUTES
from reidbench.data.images import ImageSet

_SHOWN = 8  # names of columns in the line


def minutes_without_effect(images: ImageSet) -> str:
    """Return a note if another number of minutes than the default was set and no photograph has a time; else empty."""
    if images.encounter_minutes in (None, MINUTES) or images.time.any():
        return ""
    return (
        f"--encounter-minutes {images.encounter_minutes:g} has no effect on the encounters, because no photograph has "
        "a usable time (docs/data.md): add times to the column date, or remove the option"
    )


def describe_encounters(images: ImageSet) -> str:
    """Return how many encounters there are, how they were found, and which columns were not used.

    Example:
        >>> describe_encounters(images)  # doctest: +SKIP
        "24 encounters of 12 animals: an encounter is all photographs of one animal taken on one day"
    """
    n_encounter, n_animal = len(np.unique(images.encounter)), len(np.unique(images.identity))
    line = f"{n_encounter} encounters of {n_animal} animals: {images.encounter_rule}"
    if not images.unused_columns or images.reading.columns:  # the line on the columns names them
        return line
    more = len(images.unused_columns) - _SHOWN
    names = ", ".join(images.unused_columns[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{line}; columns not used: {names}"
