"""Training with the batch-hard triplet loss: the objective, and the trainer for plugins.

On a CPU a training gives the same bits each time. It can be resumed, as explained in
:mod:`reidbench.networks.training.trainer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from reidbench.methods.contract import FitContext, LabelledImages
from reidbench.networks.training.augment import augment, to_tensor
from reidbench.networks.training.losses import batch_hard_triplet, cosine_softmax
from reidbench.networks.training.network import EmbeddingNetwork, seeded
from reidbench.networks.training.sampler import IdentitySampler
from reidbench.networks.training.settings import TrainingSettings
from reidbench.networks.training.trainer import Objective, Trainer
from reidbench.progress import Progress

# The distance of two unit vectors is at most 2. It is far below this in collapsed trainings and far above in others.
_COLLAPSED_DISTANCE = 0.1


class TripletObjective(Objective):
    """Batch-hard triplet loss on M×K batches, optionally with a cosine softmax loss; Adam with a constant rate.

    Args:
        network: A network that computes embeddings of length 1.
        settings: The settings of the training.
        labels: Identity of each image, 0 … n_identity - 1; each number occurs at least once.
        groups: Group of each image if each batch should come from one group, else ``None``.
        seed: Seed of all random choices.
        device: Device of the network.
    """

    measured = ("loss", "hardest_positive", "hardest_negative")

    def __init__(
        self,
        network: EmbeddingNetwork,
        settings: TrainingSettings,
        labels: NDArray[np.int64],
        groups: Sequence[str] | None,
        seed: int,
        device: str,
    ) -> None:
        self._settings = settings
        self._sampler = IdentitySampler(
            labels, settings.identities_per_batch, settings.images_per_identity, seed, groups
        )
        self._generator = torch.Generator().manual_seed(seed)
        self._prototypes: nn.Parameter | None = None
        self._collapsed_epoch = 0
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if settings.softmax_weight:
            with seeded(seed):
                self._prototypes = nn.Parameter(torch.randn(int(labels.max()) + 1, network.dim).to(device))
            parameters.append(self._prototypes)
        self.optimizer = torch.optim.Adam(parameters, lr=settings.lr)

    @override
    def __len__(self) -> int:
        return len(self._sampler)

    @override
    def batches(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        return self._sampler.epoch()

    @override
    def learning_rate(self, step: int) -> float:
        return self._settings.lr

    @override
    def augment(self, pixels: NDArray[np.uint8], device: str) -> Tensor:
        return augment(to_tensor(pixels, device), self._settings, self._generator)

    @override
    def measure(self, output: Tensor, targets: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        triplet = batch_hard_triplet(output, targets, self._settings.margin)
        loss = triplet.loss
        if self._prototypes is not None:
            extra = cosine_softmax(output, self._prototypes, targets, self._settings.softmax_scale)
            loss = loss + self._settings.softmax_weight * extra
        return loss, (triplet.hardest_positive, triplet.hardest_negative)

    @override
    def watch(self, row: dict[str, Any], progress: Progress) -> None:
        """Warn once if all images have almost the same embedding."""
        margin = self._settings.margin
        near = row["hardest_positive"] < _COLLAPSED_DISTANCE and row["hardest_negative"] < _COLLAPSED_DISTANCE
        # With a softmax loss, row["loss"] is a sum; only its triplet part stays at the margin.
        triplet = row["hardest_positive"] - row["hardest_negative"] + margin
        stuck = abs((triplet if self._prototypes is not None else row["loss"]) - margin) <= 0.05 * margin
        if near and stuck and not self._collapsed_epoch:
            self._collapsed_epoch = row["epoch"]
            progress.warn(
                f"triplet collapse at epoch {row['epoch']}: all images have almost the same embedding, and the loss "
                f"{row['loss']:.3f} is about the margin; start from pretrained weights or set softmax_weight=1"
            )

    @override
    def notes(self) -> list[str]:
        if not self._collapsed_epoch:
            return []
        return [f"triplet collapse at epoch {self._collapsed_epoch}: all images had almost the same embedding"]

    @override
    def state(self) -> dict[str, Any]:
        return {
            "sampler": self._sampler.state(),
            "generator": self._generator.get_state(),
            "prototypes": None if self._prototypes is None else self._prototypes.detach(),
            "collapsed_epoch": self._collapsed_epoch,
        }

    @override
    def restore(self, state: dict[str, Any]) -> None:
        self._sampler.restore(state["sampler"])
        self._generator.set_state(state["generator"])
        if self._prototypes is not None:
            with torch.no_grad():
                self._prototypes.copy_(state["prototypes"])
        self._collapsed_epoch = state["collapsed_epoch"]


class TripletTrainer(Trainer):
    """Trains an embedding with the batch-hard triplet loss and keeps the network of the best validated epoch.

    Args:
        network: The network, trained in place; it computes embeddings of length 1.
        settings: The settings of the training.
        fingerprint: Anything else that shapes the training, as text. A checkpoint with another fingerprint is not
            resumed.
    """

    kind = "triplet"
    smaller_batch = "--set identities_per_batch=4"
    _network: EmbeddingNetwork
    _settings: TrainingSettings
    one_identity_remedy = "choose another split, or --set epochs=0 for frozen features"

    def __init__(self, network: EmbeddingNetwork, settings: TrainingSettings, *, fingerprint: str = "") -> None:
        super().__init__(network, settings, fingerprint=fingerprint)

    @override
    def _objective(self, train: LabelledImages, labels: NDArray[np.int64], context: FitContext) -> Objective:
        settings = self._settings
        groups = [train.images.group(i) for i in range(len(labels))] if settings.one_group_per_batch else None
        return TripletObjective(self._network, settings, labels, groups, context.seed, context.device)
