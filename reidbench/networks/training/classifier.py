"""Training of a softmax classifier over all identities: the objective, and the trainer for plugins.

It uses cross-entropy, AdamW, a learning rate that rises in the first batches and then falls linearly, and strong
augmentation. Published recipes stop on validation loss. Here a training never receives the labels of the calibration
part; it stops when the balanced Rank-1 that the core computes no longer rises.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from reidbench.methods.contract import FitContext, LabelledImages
from reidbench.networks.training.network import ClassifierNetwork
from reidbench.networks.training.settings import ClassifierTrainingSettings
from reidbench.networks.training.trainer import Objective, Trainer
from reidbench.networks.training.transforms import augment_each, classifier_augmentation


def linear_schedule(step: int, n_step: int, warmup: float) -> float:
    """Return the learning rate of a step as a share of the highest: a linear rise, then a linear fall.

    Args:
        step: Number of the step, from 0 to ``n_step - 1``.
        n_step: Number of steps of the training.
        warmup: Share of the steps in which the rate rises, in [0, 1).

    Returns:
        A share in (0, 1]. With ``w`` warm-up steps, the first has ``1 / w`` and the last 1. The fall would reach 0
        at step ``n_step``, one after the last, so that every step changes the network.

    Example:
        >>> [linear_schedule(step, 6, 1 / 3) for step in range(6)]
        [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    n_rise = round(warmup * n_step)
    if step < n_rise:
        return (step + 1) / n_rise
    return (n_step - step) / (n_step - n_rise)


def shuffled_batches(n_image: int, batch_size: int, seed: Sequence[int]) -> list[NDArray[np.int64]]:
    """Return batches that contain every image once, in random order.

    A single remaining image joins the last batch, because batch norm can't normalise a batch of one image.

    Example:
        >>> [len(batch) for batch in shuffled_batches(9, 4, [0])], [len(b) for b in shuffled_batches(10, 4, [0])]
        ([4, 5], [4, 4, 2])
    """
    order = np.random.default_rng(list(seed)).permutation(n_image)
    cuts = np.arange(batch_size, n_image, batch_size)
    if len(cuts) and n_image - cuts[-1] == 1:
        cuts = cuts[:-1]
    return np.split(order, cuts)


class ClassifierObjective(Objective):
    """Cross-entropy over the identities; an epoch contains every image once.

    Args:
        network: A network with one output for each identity.
        settings: The settings of the training.
        n_image: Number of images trained on.
        seed: Seed of the order of images. Augmentation uses torch's global generator.
    """

    measured = ("loss", "accuracy")

    def __init__(
        self, network: ClassifierNetwork, settings: ClassifierTrainingSettings, n_image: int, seed: int
    ) -> None:
        self._settings = settings
        self._n_image = n_image
        self._seed = seed
        self._augmentation = classifier_augmentation(settings, network.mean)
        self.patience = settings.patience
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, lr=settings.lr, weight_decay=settings.weight_decay)
        self._n_batch = len(self.batches(1))
        n_step = self._n_batch * settings.epochs
        self._n_step = min(n_step, settings.max_steps) if settings.max_steps else n_step

    @override
    def __len__(self) -> int:
        return self._n_batch

    @override
    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        # Each epoch has its own seed, so a resumed training does not need the state of a generator.
        return shuffled_batches(self._n_image, self._settings.batch_size, (self._seed, epoch))

    @override
    def learning_rate(self, step: int) -> float:
        return self._settings.lr * linear_schedule(step, self._n_step, self._settings.warmup)

    @override
    def augment(self, pixels: NDArray[np.uint8], device: str) -> Tensor:
        return augment_each(torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2), self._augmentation)

    @override
    def measure(self, output: Tensor, targets: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        accuracy = (output.detach().argmax(1) == targets).float().mean()
        return functional.cross_entropy(output, targets), (accuracy,)


class ClassifierTrainer(Trainer):
    """Trains a classifier over all identities and keeps the network of the best validated epoch.

    Args:
        network: The network, trained in place; its outputs are the sorted identities of the training images.
        settings: The settings of the training.
        fingerprint: Anything else that shapes the training, as text. A checkpoint with another fingerprint is not
            resumed.
    """

    kind = "classifier"
    _network: ClassifierNetwork
    _settings: ClassifierTrainingSettings

    def __init__(
        self, network: ClassifierNetwork, settings: ClassifierTrainingSettings, *, fingerprint: str = ""
    ) -> None:
        super().__init__(network, settings, fingerprint=fingerprint)

    @override
    def _objective(self, train: LabelledImages, labels: NDArray[np.int64], context: FitContext) -> Objective:
        n_class = int(labels.max()) + 1
        if self._network.head.out_features != n_class:
            raise ValueError(f"the network has {self._network.head.out_features} classes, the images have {n_class}")
        return ClassifierObjective(self._network, self._settings, len(labels), context.seed)
