"""The triplet method: a backbone with a linear head, trained by the shared loop.

With ``epochs=0`` nothing is trained and the head is left out: the embedding is the backbone's pooled features
at unit length. A random projection to 128 numbers would only blur them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import (
    EmbeddingMethod,
    EmbeddingNetwork,
    FitContext,
    FitReport,
    Images,
    LabelledImages,
    Progress,
    Representation,
    ResizedImages,
    TripletTrainer,
    Weights,
    load_backbone,
)

if TYPE_CHECKING:
    from reidbench_triplet import TripletSettings


class TripletMethod(EmbeddingMethod):
    """Unit embeddings of a network trained with batch-hard triplets on the labelled images."""

    def __init__(self, settings: TripletSettings) -> None:
        super().__init__(settings)
        self.learns = settings.epochs > 0  # frozen features know no image of the gallery from before
        self.matching = settings.matching
        self.metric = settings.metric
        self._prepared: tuple[EmbeddingNetwork, Weights] | None = None
        self._resized: dict[Images, ResizedImages] | None = None

    @property
    @override
    def weights(self) -> Weights:
        """Where the backbone starts from, before training."""
        return self._ready()[1]

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        settings = self.settings
        backbone = load_backbone(settings.backbone, settings.weights, progress, seed=seed, pad_type=settings.pad_type)
        pooled = settings.head == "none" or not settings.epochs
        network = EmbeddingNetwork(backbone, settings, 0 if pooled else settings.embedding_dim, seed)
        self._prepared = network.to(device).eval(), backbone.weights

    @override
    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        if not self.settings.epochs:
            return FitReport(notes=("epochs=0: frozen pooled features, nothing was trained",))
        trainer = TripletTrainer(self._ready()[0], self.settings, fingerprint=self.fingerprint())
        # Validation asks for the same images after each epoch: decoded once while the training lasts.
        self._resized = {}
        try:
            return trainer.fit(train, context)
        finally:
            self._resized = None

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        if self._resized is None:
            return super().represent(images, progress)
        settings = self.settings
        if images not in self._resized:
            self._resized[images] = ResizedImages(images, settings.size, settings.cache_mb, settings.loader_workers)
        kept = self._resized[images]
        starts = range(0, len(images), self.batch_size)
        rows = [self.embed(list(kept.take(range(i, min(i + self.batch_size, len(images)))))) for i in starts]
        return Representation({"embedding": np.concatenate(rows)})

    @override
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        return self._ready()[0].embed(pixels)

    def _ready(self) -> tuple[EmbeddingNetwork, Weights]:
        if self._prepared is None:
            raise ValueError("prepare() comes before anything else")
        return self._prepared
