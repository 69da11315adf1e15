"""Read the capture times of all photographs of a dataset, with a progress bar."""

from __future__ import annotations

import numpy as np

from reidbench.data.capture_times import CaptureTimes, read_capture_time, usable_times
from reidbench.data.images import ImageSet
from reidbench.progress import Progress


def capture_times(images: ImageSet, *, within_s: float, progress: Progress | None = None) -> CaptureTimes:
    """Read the capture time of each photograph, and ignore the times that :func:`usable_times` ignores.

    Args:
        images: The dataset.
        within_s: Longest time between two photographs of one burst in seconds.
        progress: Shows a progress bar.
    """
    recorded = np.full(len(images), np.datetime64("NaT", "ms"))
    with (progress or Progress()).stage("read capture times", len(images)) as stage:
        for row in range(len(images)):
            recorded[row] = read_capture_time(images.image_path(row))
            stage.advance()
    return usable_times(
        recorded,
        identity=images.identity,
        content=images.file_hashes(),
        date=images.date,
        within_s=within_s,
    )
