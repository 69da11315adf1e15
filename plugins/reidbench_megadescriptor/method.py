"""Pooled features of a frozen network, compared by cosine with every gallery image."""

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
    """One vector for each image from a network as published; nothing is fitted."""

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
        """Whether the network runs in half precision: on a GPU, unless the settings say otherwise."""
        return self._ready()[2] != "cpu" and self.settings.half in ("auto", True)

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        backbone = load_frozen_backbone(self.settings, progress, seed=seed)
        backbone.network.to(device).to(memory_format=torch.channels_last)
        self._prepared = backbone, Batches(self.settings.batch_size, progress), device

    @override
    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        """Learn nothing; the record gets the input that ``auto`` stands for."""
        return FitReport(facts={"input": asdict(self._ready()[0].input), "half": self.half})

    @override
    def fingerprint(self) -> str:
        """Add what ``auto`` stands for, which timm's next version may change."""
        return hashlib.sha256(f"{super().fingerprint()}|{self._ready()[0].input}|{self.half}".encode()).hexdigest()

    @override
    def embed(self, pixels: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embed decoded images of any size; returns ``(len(pixels), dim)`` float32."""
        backbone, batches, device = self._ready()

        def run(batch: range) -> NDArray[np.float32]:
            images = backbone.input.prepare([pixels[i] for i in batch])
            # Single precision is exact to the last digits whatever shares the batch, so no TF32.
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
                remedy="--set half=false" if self.half else "give other weights: these do not belong to this model",
            )
        return embedding

    def _ready(self) -> tuple[Backbone, Batches, str]:
        if self._prepared is None:
            raise ValueError("prepare() comes before anything else")
        return self._prepared
