"""The line that tells what made encounters of the images of a dataset."""

from __future__ import annotations

import numpy as np

from reidbench.data.images import ImageSet

_SHOWN = 8  # names of columns in the line


def describe_encounters(images: ImageSet) -> str:
    """Return how many encounters there are, what they were made from, and which columns were not used.

    Example:
        >>> describe_encounters(images)  # doctest: +SKIP
        "24 encounters of 12 animals, by column 'eventID'; columns not used: camera, seq_id"
    """
    n_encounter, n_animal = len(np.unique(images.encounter)), len(np.unique(images.identity))
    line = f"{n_encounter} encounters of {n_animal} animals, by {images.encounter_rule}"
    if not images.unused_columns or images.reading.columns:  # the line on the columns names them
        return line
    more = len(images.unused_columns) - _SHOWN
    names = ", ".join(images.unused_columns[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{line}; columns not used: {names}"
