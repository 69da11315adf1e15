"""The classes ``DeepFeatures`` and ``CosineSimilarity`` of wildlife-tools, under the protocol of reidbench.

``DeepFeatures`` expects a dataset of pairs ``(image, label)``. The label is always 0, because a method never receives
the identity of an image. Model, weights and transform are the same as those of ``embedding_cosine``, so that the two
methods differ only in the libraries.
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
    """One embedding for each image by ``DeepFeatures``, compared by ``CosineSimilarity``."""

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
        """Learn nothing; report the library's version and the input that ``auto`` selected, for the run record."""
        version = importlib.metadata.version("wildlife-tools")
        return FitReport(facts={"input": asdict(self._ready()[0].input), "wildlife-tools": version})

    @override
    def fingerprint(self) -> str:
        """Return a digest that includes the input that ``auto`` selected, because it may change with timm's version."""
        return hashlib.sha256(f"{super().fingerprint()}|{self._ready()[0].input}".encode()).hexdigest()

    @override
    def represent(self, images: Images, progress: Progress) -> Representation:
        backbone, device = self._ready()
        settings = self.settings
        extract = DeepFeatures(backbone.network, settings.batch_size, settings.workers, device)
        try:
            with torch.random.fork_rng(devices=[]):  # its data loader draws a seed from the global generator
                embedding = extract(_Dataset(images, backbone.input.transform()))
        except ReidbenchError:
            # The error of a worker process contains a traceback. Decode the images here, for an error without it.
            for index in range(len(images)):
                images.pixels(index)
            raise
        except torch.OutOfMemoryError as error:
            raise ReidbenchError(
                f"the GPU's memory does not hold {settings.batch_size} images",
                where=f"batch_size={settings.batch_size}",
                remedy=f"--set batch_size={max(1, settings.batch_size // 2)}",
            ) from error
        return Representation({"embedding": embedding})

    @override
    def score(self, query: Representation, gallery: Representation) -> NDArray[Any]:
        similarity: NDArray[Any] = CosineSimilarity()(query.dense["embedding"], gallery.dense["embedding"])["cosine"]
        return similarity

    def _ready(self) -> tuple[Backbone, str]:
        if self._prepared is None:
            raise ValueError("call prepare() first")
        return self._prepared


class _Dataset:
    """A dataset for ``DeepFeatures``, which only uses its length and its items."""

    def __init__(self, images: Images, transform: Callable[[Any], torch.Tensor]) -> None:
        self._images = images
        self._transform = transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._transform(Image.fromarray(self._images.pixels(index))), 0
