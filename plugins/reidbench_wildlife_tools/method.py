"""wildlife-tools' ``DeepFeatures`` and ``CosineSimilarity``, given our images and compared under our protocol.

Images reach it through a dataset of its own form, ``(image, label)``; the label is always 0, since a method is
never told who is on a photograph. Model, weights and transform are made as for ``embedding_cosine``, so that the
two differ in what the libraries do and in nothing else.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from PIL import Image
from typing_extensions import override
from wildlife_tools.features import DeepFeatures
from wildlife_tools.similarity import CosineSimilarity

from reidbench import (
    Backbone,
    FitContext,
    FitReport,
    Images,
    LabelledImages,
    Method,
    Progress,
    ReidbenchError,
    Representation,
    Weights,
    load_frozen_backbone,
)

if TYPE_CHECKING:
    from reidbench_wildlife_tools import WildlifeToolsSettings


class WildlifeTools(Method):
    """One vector for each image by ``DeepFeatures``, compared by ``CosineSimilarity``."""

    def __init__(self, settings: WildlifeToolsSettings) -> None:
        super().__init__(settings)
        self._prepared: tuple[Backbone, str] | None = None

    @property
    @override
    def weights(self) -> Weights:
        return self._ready()[0].weights

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        self._prepared = load_frozen_backbone(self.settings, progress, seed=seed), device

    @override
    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        """Learn nothing; the record gets the library's version and the input that ``auto`` stands for."""
        version = importlib.metadata.version("wildlife-tools")
        return FitReport(facts={"input": asdict(self._ready()[0].input), "wildlife-tools": version})

    @override
    def fingerprint(self) -> str:
        """Add what ``auto`` stands for, which timm's next version may change."""
        return hashlib.sha256(f"{super().fingerprint()}|{self._ready()[0].input}".encode()).hexdigest()

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        backbone, device = self._ready()
        settings = self.settings
        extract = DeepFeatures(backbone.network, settings.batch_size, settings.workers, device)
        try:
            with torch.random.fork_rng(devices=[]):  # its loader draws a seed from the generator that all share
                embedding = extract(_Dataset(images, backbone.input.transform()))
        except ReidbenchError:
            # From a worker process it comes with a traceback in its text: meet the broken image here, plainly.
            for index in range(len(images)):
                images.pixels(index)
            raise
        except torch.OutOfMemoryError as error:
            raise ReidbenchError(
                f"the GPU's memory does not hold {settings.batch_size} images",
                where=f"batch_size={settings.batch_size}",
                remedy=f"--set batch_size={max(1, settings.batch_size // 2)}   # wildlife-tools does not halve it",
            ) from error
        return Representation({"embedding": embedding})

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        similarity: NDArray[Any] = CosineSimilarity()(query.dense["embedding"], gallery.dense["embedding"])["cosine"]
        return similarity

    def _ready(self) -> tuple[Backbone, str]:
        if self._prepared is None:
            raise ValueError("prepare() comes before anything else")
        return self._prepared


class _Dataset:
    """What ``DeepFeatures`` iterates over; it asks for nothing but length and items."""

    def __init__(self, images: Images, transform: Callable[[Any], torch.Tensor]) -> None:
        self._images = images
        self._transform = transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._transform(Image.fromarray(self._images.pixels(index))), 0
