"""What the starter weights are made from: stages of drawn animals, from few and easy to many and hard.

A plain softmax over few easy animals comes first: triplets, or many animals at once, leave a network of this kind at
chance for as long as two cores would bear. Later stages add animals and keep those before, with their rows of the
softmax: a fresh softmax over hard animals alone made the network forget what tells two animals apart.
Everything is drawn with seeds that no dataset of `patterns` can have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from reidbench.data.patterns import LEVELS, Level

SEED_BASE = 7 << 32
"""Added to every seed. `patterns:seed=…` ends at 2³²-1, and a seed beyond it takes two words in the random streams,
the second of which (7) no stream of a dataset has in that place: so no animal of the starter is in any dataset."""

_VERY_EASY = replace(LEVELS["easy"], rotation=6.0)
_UPRIGHT = replace(LEVELS["medium"], rotation=20.0)


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the curriculum: the animals that it adds to those of the stages before, and how long it trains.

    A class is one side of one individual, since the two flanks of an animal bear two patterns.
    """

    name: str
    seed: int
    level: Level
    n_class: int
    n_photo: int  # of each class
    size: int  # side that the network sees: small at first, which is faster
    n_step: int
    lr: float  # at the start, behind the warm-up
    lr_end: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes the weights."""

    name: str
    backbone: str
    size: int  # side that the network sees in the end
    photo_size: int  # side that is drawn
    stages: tuple[Stage, ...]
    evaluate_on: str  # dataset on which checkpoints are judged, frozen
    embedding_dim: int = 128
    seed: int = 0
    batch_classes: int = 16
    batch_photos: int = 2
    weight_decay: float = 0.01
    warmup: int = 60  # steps of each stage
    crop: float = 1.0  # smallest share of the side that augmentation keeps; photographs differ enough as drawn
    jitter: float = 0.0  # of brightness, contrast and saturation
    checkpoint_every: int = 100  # steps
    evaluate_every: int = 200

    def __post_init__(self) -> None:
        seeds = [stage.seed for stage in self.stages]
        if len(set(seeds)) < len(seeds) or min(seeds) < SEED_BASE:
            raise ValueError("each stage needs a seed of its own, at or above SEED_BASE")
        if self.evaluate_every % self.checkpoint_every:
            raise ValueError("evaluations have to fall on checkpoints")


def _starter(name: str, backbone: str) -> Recipe:
    return Recipe(
        name=name,
        backbone=backbone,
        size=96,
        photo_size=160,
        evaluate_on="patterns",
        # Patterns need a falling rate: held at 3e-3, the first stage told species and sides apart and no more.
        stages=(
            Stage("few easy", SEED_BASE + 1, _VERY_EASY, 60, 24, 96, 760, 2e-3, 1e-5),
            Stage("more, turned a little", SEED_BASE + 2, _UPRIGHT, 360, 12, 96, 1600, 1e-3, 1e-5),
            Stage("many, default level", SEED_BASE + 3, LEVELS["default"], 720, 12, 96, 1800, 1e-3, 1e-5),
        ),
    )


RECIPES = {
    "b1": _starter("b1", "efficientnet_b1"),
    "lite0": _starter("lite0", "efficientnet_lite0"),
    "tiny": Recipe(
        name="tiny",
        backbone="test_resnet",
        size=48,
        photo_size=64,
        evaluate_on="patterns:identities=12,size=64,level=easy",
        stages=(
            Stage("few easy", SEED_BASE + 1, _VERY_EASY, 6, 8, 32, 60, 4e-3, 4e-3),
            Stage("more", SEED_BASE + 2, LEVELS["easy"], 12, 6, 48, 40, 2e-3, 2e-4),
        ),
        embedding_dim=16,
        batch_classes=3,
        batch_photos=4,
        warmup=5,
        checkpoint_every=20,
        evaluate_every=60,
    ),
}
