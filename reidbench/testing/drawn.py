"""Tiny drawn animals for the checks: blobs of colour that shift a little from photograph to photograph.

They are drawn in milliseconds and do not show how accurate a method is; the dataset ``patterns`` does.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reidbench.data.images import ImageSet

SIDE = 64
GROUPS = ("east", "west")
ANIMALS = 6  # in each group
PHOTOGRAPHS = 4  # of each animal
ENROLLED = 4  # animals of each group in the gallery, with two photographs each


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The drawn images that every method is tested with.

    Attributes:
        everything: 12 animals in two groups, with 4 photographs each.
        gallery: 8 animals with two photographs each.
        queries: 10 queries: another photograph of each of these 8 animals, and one each of two new animals.
        sample: Five of the queries, for checks that extract the same images several times.
        renamed: The sample with the same pixels and other identities, ids and file names.
        unusual: Pairs of a photograph and an unusual image, by the name of the unusual image.
        broken: A photograph and a file that is no image.
        many: Twelve photographs.
    """

    everything: ImageSet
    gallery: ImageSet
    queries: ImageSet
    sample: ImageSet
    renamed: ImageSet
    unusual: dict[str, ImageSet]
    broken: ImageSet
    many: ImageSet


@functools.lru_cache(maxsize=1)
def drawn() -> Drawn:
    """Draw the images into a temporary folder, once in each process."""
    folder = tempfile.TemporaryDirectory(prefix=f"reidbench-testing-{os.getpid()}-")
    _KEPT.append(folder)  # the folder is removed when the process ends
    root = Path(folder.name)
    everything = _animals(root)
    animal = np.repeat(np.arange(len(GROUPS) * ANIMALS), PHOTOGRAPHS)
    photograph = np.tile(np.arange(PHOTOGRAPHS), len(GROUPS) * ANIMALS)
    enrolled = animal % ANIMALS < ENROLLED
    known = np.flatnonzero(enrolled & (photograph == 2))
    unknown = np.flatnonzero((animal % ANIMALS == ENROLLED) & (photograph == 0))
    queries = everything.take(np.concatenate([known, unknown]))
    sample = queries.take(np.array([0, 3, 4, 7, 9]))
    return Drawn(
        everything,
        everything.take(np.flatnonzero(enrolled & (photograph < 2))),
        queries,
        sample,
        _renamed(sample, root),
        {name: _pair_with(everything, _save(root / f"{name}.png", pixels)) for name, pixels in _unusual().items()},
        _pair_with(everything, _no_image(root / "broken.png"), checked=True),
        everything.take(np.arange(12)),
    )


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _animals(root: Path) -> ImageSet:
    rows = []
    for number in range(len(GROUPS) * ANIMALS):
        group = GROUPS[number // ANIMALS]
        coat = _blobs(np.random.default_rng([7, number]), SIDE + 16)
        for photograph in range(PHOTOGRAPHS):
            rng = np.random.default_rng([8, number, photograph])
            top, left = rng.integers(0, 17, size=2)
            light = rng.uniform(0.85, 1.15)
            pixels = np.clip(coat[top : top + SIDE, left : left + SIDE] * light, 0, 255).astype(np.uint8)
            name = f"{group}-{number}-{photograph}"
            path = _save(root / f"{name}.png", pixels)
            day = f"2024-05-{1 + photograph:02d}"
            rows.append((name, f"{group}-animal-{number}", str(path), group, day, "", None))
    return _images(root, rows)


def _blobs(rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    cells = rng.integers(0, 256, size=(9, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(cells, (side, side), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _unusual() -> dict[str, NDArray[np.uint8]]:
    grey = cv2.cvtColor(_blobs(np.random.default_rng(9), SIDE), cv2.COLOR_RGB2GRAY)
    return {
        "blank": np.full((SIDE, SIDE, 3), (90, 140, 60), np.uint8),
        "grey": np.repeat(grey[:, :, None], 3, axis=2),
        "tiny": np.random.default_rng(10).integers(0, 256, size=(2, 3, 3), dtype=np.uint8),
        "long": np.ascontiguousarray(np.tile(_blobs(np.random.default_rng(11), SIDE)[:12], (1, 6, 1))),
    }


def _renamed(sample: ImageSet, root: Path) -> ImageSet:
    """Copy the sample to other file names, with other ids and identities."""
    folder = root / "renamed"
    folder.mkdir()
    table = sample.table.copy()
    for index, path in enumerate(table["path"]):
        shutil.copyfile(path, folder / f"{index}.png")
    table["path"] = [str(folder / f"{index}.png") for index in range(len(table))]
    table["image_id"] = [f"{index}" for index in range(len(table))]
    table["identity"] = [f"{group}-other-{index}" for index, group in enumerate(table["group"])]
    return ImageSet(sample.name, root, table)


def _pair_with(everything: ImageSet, path: Path, *, checked: bool = False) -> ImageSet:
    """Return the first drawn photograph and the image at ``path``."""
    first = everything.take(np.array([0]))
    table = pd.concat([first.table, first.table], ignore_index=True)
    table.loc[1, "image_id"] = path.stem
    table.loc[1, "path"] = str(path)
    return ImageSet(everything.name, everything.root, table, checked=checked)


def _images(root: Path, rows: list[tuple[str, str, str, str, str, str, None]]) -> ImageSet:
    columns = ["image_id", "identity", "path", "group", "date", "orientation", "bbox"]
    return ImageSet("drawn-for-checks", root, pd.DataFrame(rows, columns=columns))


def _save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    # Not by imwrite, which returns False on a full disk.
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def _no_image(path: Path) -> Path:
    path.write_bytes(b"\x89PNG\r\n\x1a\nand then nothing")
    return path
