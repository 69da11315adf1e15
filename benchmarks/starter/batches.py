"""The photographs of a training step: some animals of each species, with several new photographs each."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from benchmarks.starter.animals import Animals, side_of
from benchmarks.starter.recipe import SEED_BASE, Recipe, level_between
from reidbench.data.patterns import SPECIES, Level, draw_encounter, take_photograph

_STEPS = SEED_BASE + 3


class Photographs(Dataset[torch.Tensor]):
    """Item ``n`` is the batch of step ``n``: ``(n_species, batch_animals · batch_photos, size, size, 3)`` bytes.

    It depends on the recipe and ``n`` only. All animals of a species show the same flank, so that distinguishing flanks
    does not help. Every batch has all species, so that batch norm sees the same mixture as later in use.
    """

    def __init__(self, work_dir: Path, recipe: Recipe) -> None:
        self._recipe, self._animals = recipe, Animals(work_dir, recipe)

    def __getitem__(self, step: int) -> torch.Tensor:
        recipe = self._recipe
        random = np.random.default_rng([_STEPS, recipe.seed, step])
        level = level_between(recipe.hardness(step))
        batch = []
        for species in range(len(SPECIES)):
            sides = self._animals.of_one_flank(species, int(random.integers(2)))
            numbers = random.choice(sides, recipe.batch_animals, replace=False).repeat(recipe.batch_photos)
            batch.append(np.stack([self.photograph(random, species, int(number), level) for number in numbers]))
        return torch.from_numpy(np.stack(batch))

    def photograph(self, random: Generator, species: int, number: int, level: Level) -> NDArray[np.uint8]:
        """Draw one photograph of one side of an animal, with a new encounter and a random background."""
        name, animals = list(SPECIES)[species], self._animals
        background = animals.background(species, int(random.integers(self._recipe.n_background)))
        encounter = draw_encounter(random, name, level, background)
        animal, mirror = animals.animal(species, number), side_of(species, number)[1] == 1
        encoded = take_photograph(animal, encounter, random, name, level, self._recipe.size, mirror=mirror)
        return np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def batches(work_dir: Path, recipe: Recipe, first: int) -> DataLoader[torch.Tensor]:
    """Return the batches of all steps from ``first`` on; a worker process draws them in advance."""
    return DataLoader(
        Photographs(work_dir, recipe),
        batch_size=None,
        sampler=range(first, recipe.n_step),
        num_workers=1,
        prefetch_factor=4,
        worker_init_fn=_one_thread,
    )


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
