"""One small picture of what the stages show: a row for each stage, some photographs of one animal of each species."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.starter.pool import draw_class
from benchmarks.starter.recipe import Recipe
from reidbench.data.patterns import SPECIES


def write_sheet(recipe: Recipe, path: Path, n_photo: int = 3) -> None:
    """Draw the first class of each species as each stage does, ``n_photo`` photographs of each."""
    rows = []
    for stage in recipe.stages:
        shown = replace(stage, n_photo=n_photo)
        rows.append(np.hstack([photo for class_ in range(len(SPECIES)) for photo in draw_class(recipe, shown, class_)]))
    sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
