"""A small picture of training images: one row each of easy, medium and hard photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.starter.batches import Photographs
from benchmarks.starter.recipe import Recipe, level_between
from reidbench.data.patterns import SPECIES
from reidbench.files import write_bytes


def write_sheet(work_dir: Path, recipe: Recipe, path: Path, n_photo: int = 3) -> None:
    """Draw ``n_photo`` photographs of one animal of each species at three levels of difficulty, and write a JPEG."""
    photographs, rows = Photographs(work_dir, recipe), []
    for hardness in (0.0, 0.5, 1.0):
        random, level = np.random.default_rng(0), level_between(hardness)
        taken = [
            photographs.photograph(random, species, 0, level) for species in range(len(SPECIES)) for _ in range(n_photo)
        ]
        rows.append(np.hstack(taken))
    sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
    write_bytes(path, cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
