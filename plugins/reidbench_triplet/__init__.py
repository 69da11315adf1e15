"""Triplet embeddings: the AnimalCLEF report's base (ResNet-50) and extended (EfficientNet-B1) systems.

An ImageNet backbone, a linear layer to 128 numbers of unit length, batch-hard triplet loss; at the end one
centroid for each identity, and Euclidean distance.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

from pydantic import Field

import reidbench
from reidbench import MethodSpec, TrainingSettings


class TripletSettings(TrainingSettings):
    """Options of the triplet methods; the defaults are those of the report's base system."""

    backbone: str = Field("resnet50", description="Architecture, by its name in timm")
    weights: str = Field(
        "auto",
        description="auto (pretrained if it can be had, else starter if it fits, else random), imagenet, starter "
        "(trained on drawn animals), random, or a weights file",
    )
    pad_type: Literal["", "same"] = Field(
        "", description="same pads as TensorFlow does; empty takes what the weights file says"
    )
    head: Literal["linear", "none"] = Field(
        "linear",
        description="What follows the backbone when anything is trained: linear, or none to train the pooled features",
    )
    embedding_dim: int = Field(
        128, ge=2, description="Length of the embedding behind a linear head; pooled features keep their own"
    )
    matching: Literal["centroid", "nearest"] = Field(
        "centroid", description="Compare with one centroid for each identity, or with every gallery image"
    )
    metric: Literal["euclidean", "cosine"] = Field("euclidean", description="How embeddings are compared")
    renormalise_centroid: bool = Field(True, description="Scale centroids to unit length")


# The report's grid: batch shape, margin and learning rate, combined fully.
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
_EFFNET = {**_RESNET, "backbone": "efficientnet_b1", "epochs": 125, "identities_per_batch": 4}
# A few minutes on two cores: small images and few steps. It shows that all runs, not what the method can do.
_QUICK = {"size": 96, "identities_per_batch": 4, "images_per_identity": 4, "validate_every": 4}
# The package carries weights of a small network of EfficientNet's family. Few steps can't make up for a fresh layer of
# random numbers behind it, nor for statistics of batch norm taken from small batches, so neither is asked for.
_QUICK_EFFNET = {
    **_QUICK,
    "backbone": "tinynet_d",
    "head": "none",
    "freeze_bn": True,
    "quarter_turns": False,
    "lr": 3e-5,
    "max_steps": 150,
}


@reidbench.hookimpl
def reidbench_methods() -> list[MethodSpec]:
    """Offer both systems; torch loads when one is built."""
    return [
        MethodSpec(
            "triplet_resnet50",
            "ResNet-50, 128-d, batch-hard triplet, centroids, Euclidean threshold (the report's base)",
            TripletSettings,
            _build,
            presets={"paper": _RESNET, "quick": {**_RESNET, **_QUICK, "max_steps": 100}},
            needs="ImageNet weights of resnet50 (else it starts from random ones)",
            licence="apache-2.0 (timm weights)",
            source="the AnimalCLEF 2025 report, base system",
            grid=GRID,
        ),
        MethodSpec(
            "triplet_effnet",
            "EfficientNet-B1, 128-d, batch-hard triplet, centroids, Euclidean threshold (the report's extended)",
            TripletSettings,
            _build,
            presets={"paper": _EFFNET, "quick": {**_EFFNET, **_QUICK_EFFNET}},
            needs="ImageNet weights of efficientnet_b1 (else it starts from random ones; quick: from starter weights)",
            licence="apache-2.0 (timm weights)",
            source="the AnimalCLEF 2025 report, extended system",
            grid=GRID,
        ),
    ]


def _build(settings: TripletSettings) -> reidbench.EmbeddingMethod:
    from reidbench_triplet.method import TripletMethod  # torch and timm load here

    return TripletMethod(settings)
