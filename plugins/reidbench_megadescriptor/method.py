"""Pooled features of a frozen network, compared with every gallery image by their cosine."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import (
    Backbone,
    Batches,
    EmbeddingMethod,
    FitContext,
    FitReport,
    LabelledImages,
    Progress,
    ReidbenchError,
    Weights,
    load_frozen_backbone,
)

if TYPE_CHECKING:
    from reidbench_megadescriptor import EmbeddingSettings


class FrozenEmbedding(EmbeddingMethod):
    """One embedding for each image from a pretrained network, which is not trained further."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        super().__init__(settings)
        self.batch_size = settings.batch_size
        self._prepared: tuple[Backbone, Batches, str] | None = None

    @property
    @override
    def weights(self) -> Weights:
        return self._ready()[0].weights

    @property
    def half(self) -> bool:
        """Whether the network uses half precision: on a GPU, unless ``half`` is false."""
        return self._ready()[2] != "cpu" and self.settings.half in ("auto", True)

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        backbone = load_frozen_backbone(self.settings, progress, seed=seed)
        backbone.network.to(device).to(memory_format=torch.channels_last)
        self._prepared = backbone, Batches(self.settings.batch_size, progress), device

    @override
    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        """Learn nothing; report the input that ``auto`` selected, for the run record."""
        return FitReport(facts={"input": asdict(self._ready()[0].input), "half": self.half})

    @override
    def fingerprint(self) -> str:
        """Return a digest that includes the input that ``auto`` selected, because it may change with timm's version."""
        return hashlib.sha256(f"{super().fingerprint()}|{self._ready()[0].input}|{self.half}".encode()).hexdigest()

    @override
    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Transform an image to the network's input, ``(3, height, width)``."""
        return np.asarray(self._ready()[0].input.prepare([pixels])[0].numpy(), dtype=np.float32)

    @override
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        backbone, batches, device = self._ready()
        transformed = [image if image.dtype == np.float32 else self.shrink(image) for image in pixels]

        def run(batch: range) -> NDArray[np.float32]:
            images = torch.stack([torch.from_numpy(transformed[i]) for i in batch])
            # No TF32: with it, the embedding of an image would depend on the other images of its batch.
            with (
                torch.inference_mode(),
                torch.backends.cudnn.flags(deterministic=True, allow_tf32=False),
                torch.autocast("cuda", torch.float16, enabled=self.half),
            ):
                features = backbone.network(images.to(device, memory_format=torch.channels_last))
            return np.asarray(features.float().cpu().numpy(), dtype=np.float32)

        embedding = np.concatenate(list(batches.run(len(pixels), run)))
        broken = int((~np.isfinite(embedding)).any(axis=1).sum())
        if broken:
            raise ReidbenchError(
                f"'{self.settings.model}' gives nan or infinity for {broken} of {len(pixels)} images",
                where="half precision" if self.half else f"weights={self.settings.weights}",
                remedy="--set half=false" if self.half else "use other weights; these are not for this model",
            )
        return embedding

    def _ready(self) -> tuple[Backbone, Batches, str]:
        if self._prepared is None:
            raise ValueError("call prepare() first")
        return self._prepared
