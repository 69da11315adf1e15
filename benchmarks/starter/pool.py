"""The drawn photographs of each stage: made by one background process, kept on disk, taken up where it stopped."""

from __future__ import annotations

import fcntl
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.starter.recipe import Recipe, Stage
from reidbench.data.patterns import SPECIES, TWO_FLANKS, draw_photographs


def animal_of(class_: int) -> tuple[int, int, int]:
    """Return species, individual and flank of a class; a species with two flanks has two classes an individual.

    Example:
        >>> [animal_of(class_) for class_ in (0, 1, 2, 3, 4)]
        [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 0, 1), (1, 1, 0)]
    """
    place, species = divmod(class_, len(SPECIES))
    two = list(SPECIES)[species] in TWO_FLANKS
    return (species, place // 2, place % 2) if two else (species, place, 0)


class Pool:
    """The photographs of one stage, ``(n_class, n_photo, size, size, 3)`` bytes."""

    def __init__(self, work_dir: Path, recipe: Recipe, number: int) -> None:
        self._recipe, self._stage = recipe, recipe.stages[number]
        self._pixels_path = work_dir / f"pool-{number}.npy"
        self._count_path = work_dir / f"pool-{number}.count"

    @property
    def drawn(self) -> int:
        """How many classes are on disk."""
        return int(self._count_path.read_text()) if self._count_path.is_file() else 0

    def draw(self) -> None:
        """Draw what is not there yet, class by class."""
        if self.drawn == self._stage.n_class:
            return
        recipe, stage, start = self._recipe, self._stage, self.drawn
        shape = (stage.n_class, stage.n_photo, recipe.size, recipe.size, 3)
        mode = "r+" if start else "w+"
        pixels = np.lib.format.open_memmap(self._pixels_path, mode, dtype=np.uint8, shape=shape)
        for class_ in range(start, stage.n_class):
            pixels[class_] = draw_class(recipe, stage, class_)
            pixels.flush()
            temporary = self._count_path.with_suffix(".tmp")
            temporary.write_text(str(class_ + 1))
            temporary.replace(self._count_path)

    def wait(self, painter: BaseProcess) -> NDArray[np.uint8]:
        """Return the whole pool, read from disk as it is used.

        Raises:
            RuntimeError: The process that draws has ended before the pool was whole.
        """
        while self.drawn < self._stage.n_class:
            if not painter.is_alive() and self.drawn < self._stage.n_class:
                raise RuntimeError(f"drawing '{self._stage.name}' ended with exit code {painter.exitcode}")
            time.sleep(0.5)
        return np.load(self._pixels_path, mmap_mode="r")


def draw_class(recipe: Recipe, stage: Stage, class_: int) -> NDArray[np.uint8]:
    """Draw the photographs of one class, ``(n_photo, size, size, 3)``, R,G,B."""
    encoded = draw_photographs(stage.seed, *animal_of(class_), stage.n_photo, stage.level, recipe.photo_size)
    decoded = (cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR_RGB) for one in encoded)
    # As reidbench resizes photographs that are larger than the network's input; importing that would load torch here.
    side = (recipe.size, recipe.size)
    return np.stack([np.asarray(cv2.resize(image, side, interpolation=cv2.INTER_AREA), np.uint8) for image in decoded])


def start_painter(work_dir: Path, recipe: Recipe) -> BaseProcess:
    """Start the process that draws all pools in order; it ends with the training."""
    painter = get_context("spawn").Process(target=draw_pools, args=(work_dir, recipe), daemon=True)
    painter.start()
    return painter


def draw_pools(work_dir: Path, recipe: Recipe) -> None:
    """Draw all pools in order, unless another process is at it: then wait until that has ended."""
    cv2.setNumThreads(1)
    with (work_dir / "painter.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for number in range(len(recipe.stages)):
            Pool(work_dir, recipe, number).draw()
