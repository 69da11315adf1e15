"""Frozen embeddings and their cosine: MegaDescriptor, or any model of timm or the hub; nothing is trained.

Both methods are one class; they differ in which models they take and in the licence of the weights.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

import reidbench
from reidbench import BackboneSettings

_HUB = "hf-hub:BVRA/MegaDescriptor-"


def _whole_name(value: Any) -> Any:
    """Read ``L-384`` and ``BVRA/MegaDescriptor-L-384`` as the whole name."""
    return _HUB + value.rpartition("MegaDescriptor-")[2] if isinstance(value, str) else value


MegaDescriptorName = Annotated[
    Literal[
        "hf-hub:BVRA/MegaDescriptor-T-224",
        "hf-hub:BVRA/MegaDescriptor-S-224",
        "hf-hub:BVRA/MegaDescriptor-B-224",
        "hf-hub:BVRA/MegaDescriptor-L-224",
        "hf-hub:BVRA/MegaDescriptor-L-384",
    ],
    BeforeValidator(_whole_name),
]


class EmbeddingSettings(BackboneSettings):
    """Which model, which weights, which input, which precision."""

    batch_size: int = Field(32, ge=1, description="Images in a batch; halved where the GPU's memory runs out")
    half: Literal["auto"] | bool = Field(
        "auto", description="Half precision on a GPU; auto does so, a CPU always takes single precision"
    )


class MegaDescriptorSettings(EmbeddingSettings):
    """As :class:`EmbeddingSettings`, for the five sizes of MegaDescriptor."""

    model: MegaDescriptorName = Field(
        "hf-hub:BVRA/MegaDescriptor-L-384",
        description="T-224, S-224, B-224, L-224 or L-384; with weights=FILE the file's",
    )


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer both methods; torch loads when one is built."""
    return [
        reidbench.MethodSpec(
            "megadescriptor_cosine",
            "MegaDescriptor (Swin, five sizes), frozen, cosine, nearest image",
            MegaDescriptorSettings,
            _build,
            needs="weights of BVRA/MegaDescriptor-L-384, or their file",
            licence="CC BY-NC 4.0 (weights)",
            source="Čermák, Picek, Adam and Papafitsoros, WildlifeDatasets, WACV 2024",
        ),
        reidbench.MethodSpec(
            "embedding_cosine",
            "any model of timm or the hub (DINOv2, MiewID, EVA …), frozen, cosine, nearest image",
            EmbeddingSettings,
            _build,
            needs="pretrained weights of the model, or their file",
            licence="that of the model's weights",
            source="that of the model; frozen features and cosine as in WildlifeDatasets, WACV 2024",
        ),
    ]


def _build(settings: EmbeddingSettings) -> reidbench.EmbeddingMethod:
    from reidbench_megadescriptor.method import FrozenEmbedding  # torch and timm load here

    return FrozenEmbedding(settings)
