"""The recipe of the starter weights: drawn photographs, easy in the first steps and hard in the later ones.

A small network that is trained on hard photographs from the start stays at chance. A network that is trained on the
same photographs many times memorises them and does not generalise to new animals. Therefore every photograph is used
once, and its difficulty grows with the steps. All seeds differ from those of the dataset ``patterns``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from reidbench.data.patterns import LEVELS, Level

SEED_BASE = 7 << 32
"""Added to every seed, so that no animal of the starter weights is in a dataset.

Seeds of ``patterns:seed=…`` end at 2³²-1. A larger seed has two words in the random streams; the second word, 7, does
not occur in the streams of a dataset.
"""

GENTLE = Level(6, 0.03, 0.02, (0.95, 1.05), 0.04, 0.1, 0.03, (0.0, 0.5), (2, 4), (85, 95), 0.0, 0.05)
"""Easy photographs: two photographs of one animal are almost the same, so an untrained network can learn from them."""

# The default dataset is drawn at 160 pixels and reduced to the input size, which removes noise and JPEG blocks.
HARD = replace(LEVELS["default"], noise=(3, 10), jpeg=(50, 92))


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings that determine the weights.

    Args:
        n_animal: Number of sides of animals of each species. The two flanks of an animal have different patterns and
            are two sides.
        n_background: Number of backgrounds of each species.
        size: Side of the input images in pixels.
        batch_animals: Number of sides of each species in a batch.
        batch_photos: Number of photographs of each side in a batch.
        temperature: Temperature of the contrastive loss; cosines are divided by it.
        gentle_steps: Number of first steps with easy photographs.
        hard_from: First step with the hardest photographs; the difficulty grows linearly between the two.
        lr: Learning rate after the warm-up; it falls to ``lr_end`` along half a cosine.
        evaluate_on: Dataset on which checkpoints are evaluated as frozen features.
    """

    name: str
    backbone: str
    size: int
    n_animal: int
    n_background: int
    n_step: int
    gentle_steps: int
    hard_from: int
    lr: float
    evaluate_on: str
    lr_end: float = 1e-5
    embedding_dim: int = 128
    seed: int = 0
    batch_animals: int = 8
    batch_photos: int = 3
    temperature: float = 0.1
    weight_decay: float = 0.02
    warmup: int = 50
    checkpoint_every: int = 100
    evaluate_every: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.gentle_steps < self.hard_from <= self.n_step:
            raise ValueError("the steps must satisfy 0 <= gentle_steps < hard_from <= n_step")
        if self.batch_animals > self.n_animal // 2:
            raise ValueError("a batch shows one flank, so n_animal must be at least twice batch_animals")
        if self.evaluate_every % self.checkpoint_every:
            raise ValueError("evaluate_every must be a multiple of checkpoint_every")

    def hardness(self, step: int) -> float:
        """Return the difficulty of the photographs of a step, from 0 (easy) to 1 (hard)."""
        return min(1.0, max(0.0, (step - self.gentle_steps) / (self.hard_from - self.gentle_steps)))


def level_between(hardness: float) -> Level:
    """Return the level between easy and hard photographs, by linear interpolation.

    Example:
        >>> level_between(0.5).rotation
        30.5
    """

    def interpolate(gentle: float, hard: float) -> float:
        return gentle + (hard - gentle) * hardness

    values = {}
    for field in fields(Level):
        gentle, hard = getattr(GENTLE, field.name), getattr(HARD, field.name)
        pair = isinstance(gentle, tuple)
        values[field.name] = tuple(map(interpolate, gentle, hard)) if pair else interpolate(gentle, hard)
    low, high = values["jpeg"]
    return Level(**{**values, "jpeg": (round(low), round(high))})


def _starter(name: str, backbone: str, n_step: int, gentle_steps: int, hard_from: int) -> Recipe:
    return Recipe(
        name=name,
        backbone=backbone,
        size=96,
        n_animal=1000,
        n_background=150,
        n_step=n_step,
        gentle_steps=gentle_steps,
        hard_from=hard_from,
        lr=3e-3,
        evaluate_on="patterns",
    )


RECIPES = {
    "tinynet": _starter("tinynet", "tinynet_d", 8000, 350, 2500),
    "b1": _starter("b1", "efficientnet_b1", 8000, 350, 2500),
    "tiny": Recipe(
        name="tiny",
        backbone="test_resnet",
        size=48,
        n_animal=24,
        n_background=4,
        n_step=120,
        gentle_steps=100,
        hard_from=120,
        lr=4e-3,
        evaluate_on="patterns:identities=12,size=64,level=easy",
        embedding_dim=32,
        batch_animals=4,
        warmup=10,
        checkpoint_every=20,
        evaluate_every=60,
    ),
}
