"""Networks to train: a backbone with a linear head that computes embeddings or class probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from timm.models import group_parameters
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from reidbench.errors import ReidbenchError
from reidbench.networks.backbones import Backbone
from reidbench.networks.training.augment import normalise, resize, to_tensor
from reidbench.networks.training.settings import LoopSettings


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch's global generators for the ``with`` block, and restore their state afterwards."""
    cuda = device.startswith("cuda")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed_all(seed)
        yield


def freeze_stages(backbone: nn.Module, n_stage: int) -> None:
    """Exclude the stem and the first stages of a network of timm from training.

    Args:
        backbone: The network; changed in place.
        n_stage: Number of stages; 0 changes nothing.

    Raises:
        ReidbenchError: The network has no stages that timm names, or no more than ``n_stage``.
    """
    if not n_stage:
        return
    matcher = getattr(backbone, "group_matcher", None)
    layers = group_parameters(backbone, matcher(coarse=True), reverse=True) if matcher else {}
    # The groups are the stem (0), the stages (from 1) and, in most networks, the layers after the last stage.
    if n_stage >= max(layers.values(), default=0):
        raise ReidbenchError(
            f"{n_stage} stages can't be frozen: {type(backbone).__name__} has {max(layers.values(), default=0)} stages "
            "and at least the last must be trained",
            where=f"frozen_stages={n_stage}",
            remedy="--set frozen_stages=0, or a smaller number",
        )
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(layers[name] > n_stage)


class BackboneNetwork(nn.Module):
    """A backbone and a head; the input is images in [0, 1].

    Args:
        backbone: A network that computes pooled features.
        settings: Settings with input size, normalisation and memory layout.
    """

    head: nn.Module

    def __init__(self, backbone: Backbone, settings: LoopSettings) -> None:
        super().__init__()
        self.backbone = backbone.network.eval()
        freeze_stages(self.backbone, settings.frozen_stages)
        self.folded_batch_norm = backbone.folded_batch_norm
        self.mean = backbone.mean if settings.mean == "auto" else settings.mean
        self.std = backbone.std if settings.std == "auto" else settings.std
        self._size = settings.size
        self._layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        with torch.inference_mode():
            # timm's num_features is wrong for architectures whose pooling changes the number of features.
            self.n_feature = int(self.backbone(torch.zeros(1, 3, self._size, self._size)).shape[1])

    @override
    def forward(self, images: Tensor) -> Tensor:
        """Return the output of the head for images ``(n, 3, size, size)`` in [0, 1]."""
        images = normalise(images, self.mean, self.std).contiguous(memory_format=self._layout)
        output: Tensor = self.head(self.backbone(images))
        return output

    def resize(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize a decoded image to the network's input; one that has this size stays as it is."""
        return pixels if pixels.shape == (self._size, self._size, 3) else resize(pixels, self._size)

    def _infer(self, pixels: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Tensor:
        """Return the output for decoded images of any size, in evaluation mode and float32, on the CPU."""
        resized = np.stack([self.resize(image) for image in pixels])
        device = str(next(self.parameters()).device)
        self.eval()
        # With reduced precision, the result for an image would depend on the other images of its batch.
        with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
            output: Tensor = self(to_tensor(resized, device)).cpu()
        return output


class EmbeddingNetwork(BackboneNetwork):
    """A backbone with an optional linear head that computes embeddings of length 1.

    Args:
        backbone: A network that computes pooled features.
        settings: Settings with input size, normalisation and memory layout.
        embedding_dim: Number of values of the embedding; 0 means no head, so the features are the embedding.
        seed: Seed of the random initial weights of the head.
    """

    def __init__(self, backbone: Backbone, settings: LoopSettings, embedding_dim: int, seed: int) -> None:
        super().__init__(backbone, settings)
        with seeded(seed):
            self.head = nn.Linear(self.n_feature, embedding_dim) if embedding_dim else nn.Identity()
        self.dim = embedding_dim or self.n_feature
        self.to(memory_format=self._layout)

    @override
    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings of length 1, ``(n, dim)`` float32, for images ``(n, 3, size, size)`` in [0, 1]."""
        # Lengths are computed in float32, because squares of large float16 values overflow.
        return functional.normalize(super().forward(images).float())

    def embed(self, pixels: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the embeddings of decoded images of any size, ``(n, dim)``, computed in evaluation mode."""
        return np.asarray(self._infer(pixels).numpy(), dtype=np.float32)


class ClassifierNetwork(BackboneNetwork):
    """A backbone and a linear head with one output for each identity.

    Args:
        backbone: A network that computes pooled features.
        settings: Settings with input size, normalisation and memory layout.
        n_class: Number of identities.
        seed: Seed of the random initial weights of the head.
    """

    def __init__(self, backbone: Backbone, settings: LoopSettings, n_class: int, seed: int) -> None:
        super().__init__(backbone, settings)
        with seeded(seed):
            head = nn.Linear(self.n_feature, n_class)
            # The initial values that timm uses for ConvNeXt classifiers.
            nn.init.trunc_normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        self.head = head
        self.to(memory_format=self._layout)

    def classify(self, pixels: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return class probabilities of decoded images of any size, ``(n, n_class)``; each row sums to 1."""
        return np.asarray(self._infer(pixels).double().softmax(1).numpy(), dtype=np.float32)
