"""What the starter weights are made from: drawn animals without end, photographed gently first and hard later.

A network of this kind that is shown hard photographs from the start stays at chance for as long as two cores would
bear. One that is shown the same photographs again and again learns those by heart and carries nothing over to animals
that it has not seen. So every photograph is taken once, and how hard it is grows with the steps.
Everything is drawn with seeds that no dataset of `patterns` can have.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from reidbench.data.patterns import LEVELS, Level

SEED_BASE = 7 << 32
"""Added to every seed. `patterns:seed=…` ends at 2³²-1, and a seed beyond it takes two words in the random streams,
the second of which (7) no stream of a dataset has in that place: so no animal of the starter is in any dataset."""

GENTLE = Level(6, 0.03, 0.02, (0.95, 1.05), 0.04, 0.1, 0.03, (0.0, 0.5), (2, 4), (85, 95), 0.0, 0.05)
"""Two photographs of one animal nearly lie on each other, so that a network without any knowledge gets hold of them."""

# The default dataset is drawn at 160 px and shrunk to the network's input, which takes grain and blocks out of it.
HARD = replace(LEVELS["default"], noise=(3, 10), jpeg=(50, 92))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that shapes the weights.

    Args:
        n_animal: Sides of animals of each species; the two flanks of one animal are two sides, since they bear two
            patterns.
        n_background: Backgrounds of each species.
        size: Side in pixels of what the network sees.
        batch_animals: Sides of each species in a batch.
        batch_photos: Photographs of each.
        temperature: Of the contrastive loss, which divides cosines by it.
        gentle_steps: Steps in which photographs stay gentle.
        hard_from: Step from which they are as hard as they get; between the two they grow harder evenly.
        lr: Learning rate behind the warm-up; it falls to ``lr_end`` by half a cosine.
        evaluate_on: Dataset on which checkpoints are judged, frozen.
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
            raise ValueError("photographs are gentle, then grow harder, then are hard, all before the last step")
        if self.batch_animals > self.n_animal // 2:
            raise ValueError("a batch shows one flank, so n_animal has to be twice batch_animals at least")
        if self.evaluate_every % self.checkpoint_every:
            raise ValueError("evaluations have to fall on checkpoints")

    def hardness(self, step: int) -> float:
        """Return how hard the photographs of a step are, from 0 (gentle) to 1 (hard)."""
        return min(1.0, max(0.0, (step - self.gentle_steps) / (self.hard_from - self.gentle_steps)))


def level_between(hardness: float) -> Level:
    """Return the level between gentle and hard photographs.

    Example:
        >>> level_between(0.5).rotation
        30.5
    """

    def between(gentle: float, hard: float) -> float:
        return gentle + (hard - gentle) * hardness

    values = {}
    for field in fields(Level):
        gentle, hard = getattr(GENTLE, field.name), getattr(HARD, field.name)
        pair = isinstance(gentle, tuple)
        values[field.name] = tuple(map(between, gentle, hard)) if pair else between(gentle, hard)
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
