"""The triplet method: a backbone with a linear head, trained by the shared loop.

With ``epochs=0`` nothing is trained and the head is left out: the embedding is the backbone's pooled features
at unit length. A random projection to 128 numbers would only blur them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from reidbench import (
    Backbone,
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
    has_folded_batch_norm,
    load_backbone,
    normalise,
    resize,
    to_tensor,
)

if TYPE_CHECKING:
    from reidbench_triplet import TripletSettings


class TripletMethod(EmbeddingMethod):
    """Unit embeddings of a network trained with batch-hard triplets on the labelled images."""

    learns = True

    def __init__(self, settings: TripletSettings) -> None:
        super().__init__(settings)
        self.matching = settings.matching
        self.metric = settings.metric
        self.renormalise_centroid = settings.renormalise_centroid
        self._backbone: Backbone | None = None
        self._resized: dict[Images, ResizedImages] | None = None

    @property
    def weights(self) -> Weights:
        """Where the backbone started from. The record names it also where training went on from there."""
        return self._loaded.weights

    @property
    def _loaded(self) -> Backbone:
        if self._backbone is None:
            raise ValueError("prepare() comes before anything else")
        return self._backbone

    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        settings = self.settings
        backbone = load_backbone(
            settings.backbone, settings.weights, progress, seed=seed, pad_type=settings.pad_type
        )
        mean = backbone.mean if settings.mean == "auto" else settings.mean
        std = backbone.std if settings.std == "auto" else settings.std
        self._backbone = backbone._replace(mean=mean, std=std)
        auto = settings.freeze_bn == "auto"
        self._freeze_bn = has_folded_batch_norm(backbone.network) if auto else bool(settings.freeze_bn)
        with torch.inference_mode():
            probe = torch.zeros(1, 3, settings.size, settings.size)
            n_feature = backbone.network(probe).shape[1]
        dim = settings.embedding_dim if settings.epochs else 0
        self._network = EmbeddingNetwork(backbone.network, n_feature, dim, seed).to(device).eval()
        if settings.channels_last:
            self._network.to(memory_format=torch.channels_last)
        self._device = device

    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        if not self.settings.epochs:
            return FitReport(notes=("epochs=0: frozen pooled features, nothing was trained",))
        trainer = TripletTrainer(
            self._network,
            self.settings,
            mean=self._loaded.mean,
            std=self._loaded.std,
            freeze_bn=self._freeze_bn,
            fingerprint=self.fingerprint(),
        )
        # Validation asks for the same images after each epoch: decoded once while the training lasts.
        self._resized = {}
        try:
            return trainer.fit(train, context)
        finally:
            self._resized = None

    def represent(self, images: Images, progress: Progress) -> Representation:
        if self._resized is None:
            return super().represent(images, progress)
        settings = self.settings
        if images not in self._resized:
            self._resized[images] = ResizedImages(images, settings.size, settings.cache_mb, settings.loader_workers)
        kept = self._resized[images]
        starts = range(0, len(images), self.batch_size)
        rows = [self._embed(kept.take(range(i, min(i + self.batch_size, len(images))))) for i in starts]
        return Representation({"embedding": np.concatenate(rows)})

    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray:
        return self._embed(np.stack([resize(image, self.settings.size) for image in pixels]))

    def _embed(self, pixels: NDArray[np.uint8]) -> NDArray:
        loaded = self._loaded
        images = normalise(to_tensor(pixels, self._device), loaded.mean, loaded.std)
        if self.settings.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        # Reduced precision would make an embedding depend on which images share its batch.
        with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
            return np.asarray(self._network(images).float().cpu().numpy())
