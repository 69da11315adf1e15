"""The drawn animals and backgrounds, stored on disk; drawing continues where it stopped.

Drawing an animal takes up to forty times as long as drawing a photograph of it, so only animals are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.starter.recipe import SEED_BASE, Recipe
from reidbench.data.patterns import SPECIES, TWO_FLANKS, Animal, draw_animal, draw_background
from reidbench.data.patterns.canvas import SIDE, Floats
from reidbench.files import write_text

_Bytes = NDArray[np.uint8]
_ANIMALS, _BACKGROUNDS = SEED_BASE + 1, SEED_BASE + 2


class Animals:
    """Sides of animals and backgrounds of each species, stored on disk.

    Args:
        work_dir: Folder of the files.
        recipe: The recipe, with the numbers of sides and backgrounds.
    """

    def __init__(self, work_dir: Path, recipe: Recipe) -> None:
        self._work_dir, self._recipe = work_dir, recipe
        self._mapped: dict[Path, _Bytes] = {}

    def draw(self) -> None:
        """Draw the animals and backgrounds that are not on disk yet."""
        for species in range(len(SPECIES)):
            _draw(self._path("animals", species), self._recipe.n_animal, 4, partial(draw_side, species))
            _draw(self._path("places", species), self._recipe.n_background, 3, partial(draw_place, species))

    def of_one_flank(self, species: int, flank: int) -> list[int]:
        """Return the numbers of all sides that show a flank; for a species without flanks, all numbers."""
        numbers = range(self._recipe.n_animal)
        return [n for n in numbers if side_of(species, n)[1] == flank] if _has_flanks(species) else list(numbers)

    def animal(self, species: int, number: int) -> Animal:
        """Return one side of an animal, facing left."""
        layers = self._floats("animals", species, number)
        return Animal(np.ascontiguousarray(layers[..., :3]), np.ascontiguousarray(layers[..., 3]))

    def background(self, species: int, number: int) -> Floats:
        """Return a background, ``(SIDE, SIDE, 3)``."""
        return self._floats("places", species, number)

    def _floats(self, kind: str, species: int, number: int) -> Floats:
        path = self._path(kind, species)
        if path not in self._mapped:
            self._mapped[path] = np.load(path, mmap_mode="r")
        return np.asarray(self._mapped[path][number], np.float32) / np.float32(255)

    def _path(self, kind: str, species: int) -> Path:
        return self._work_dir / f"{kind}-{list(SPECIES)[species]}.npy"


def side_of(species: int, number: int) -> tuple[int, int]:
    """Return the individual and the flank of a side; in a species with two flanks each individual has two sides.

    Example:
        >>> side_of(0, 3), side_of(1, 3)  # a turtle's right side; a salamander
        ((1, 1), (3, 0))
    """
    return divmod(number, 2) if _has_flanks(species) else (number, 0)


def _has_flanks(species: int) -> bool:
    return list(SPECIES)[species] in TWO_FLANKS


def draw_side(species: int, number: int) -> _Bytes:
    """Draw one side of an animal: red, green, blue and mask, ``(SIDE, SIDE, 4)``."""
    animal = draw_animal(_ANIMALS, species, *side_of(species, number))
    return _bytes(np.dstack([animal.texture, animal.mask]))


def draw_place(species: int, number: int) -> _Bytes:
    """Draw one background, ``(SIDE, SIDE, 3)``."""
    return _bytes(draw_background(np.random.default_rng([_BACKGROUNDS, species, number]), list(SPECIES)[species]))


def _bytes(layers: Floats) -> _Bytes:
    return np.round(np.clip(layers, 0, 1) * 255).astype(np.uint8)


def _draw(path: Path, count: int, n_channel: int, draw_one: Callable[[int], _Bytes]) -> None:
    """Draw pictures into an array on disk, starting after those that were drawn before."""
    count_path = path.with_suffix(".count")
    start = int(count_path.read_text()) if count_path.is_file() else 0
    if start == count:
        return
    shape = (count, SIDE, SIDE, n_channel)
    pictures = np.lib.format.open_memmap(path, "r+" if start else "w+", dtype=np.uint8, shape=shape)
    for number in range(start, count):
        pictures[number] = draw_one(number)
        if (number + 1) % 10 and number + 1 < count:
            continue
        pictures.flush()
        write_text(count_path, str(number + 1))
