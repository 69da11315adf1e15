"""Two methods that compare frozen embeddings by their cosine: of MegaDescriptor, or of any model of timm or the hub.

Both methods use the same class. They differ in the models that can be chosen and in the licence of the weights.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

import reidbench
from reidbench import BackboneSettings, CropSettings

_HUB = "hf-hub:BVRA/MegaDescriptor-"


def _full_name(value: Any) -> Any:
    """Convert ``L-384`` and ``BVRA/MegaDescriptor-L-384`` to the full name."""
    return _HUB + value.rpartition("MegaDescriptor-")[2] if isinstance(value, str) else value


MegaDescriptorName = Annotated[
    Literal[
        "hf-hub:BVRA/MegaDescriptor-T-224",
        "hf-hub:BVRA/MegaDescriptor-S-224",
        "hf-hub:BVRA/MegaDescriptor-B-224",
        "hf-hub:BVRA/MegaDescriptor-L-224",
        "hf-hub:BVRA/MegaDescriptor-L-384",
    ],
    BeforeValidator(_full_name),
]


class EmbeddingSettings(BackboneSettings, CropSettings):
    """Settings of model, weights, input and precision."""

    batch_size: int = Field(32, ge=1, description="Images in a batch; halved if the GPU's memory runs out")
    half: Literal["auto"] | bool = Field(
        "auto", description="Half precision on a GPU; auto is true. A CPU always uses single precision"
    )


class MegaDescriptorSettings(EmbeddingSettings):
    """The same settings as :class:`EmbeddingSettings`, for the five sizes of MegaDescriptor."""

    model: MegaDescriptorName = Field(
        "hf-hub:BVRA/MegaDescriptor-L-384",
        description="T-224, S-224, B-224, L-224 or L-384; with weights=FILE the size of that file",
    )


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer both methods; torch is imported when one is built."""
    return [
        reidbench.MethodSpec(
            "megadescriptor_cosine",
            "MegaDescriptor (Swin, five sizes), frozen, cosine, nearest image",
            MegaDescriptorSettings,
            _build,
            networks=_networks,
            needs="weights of BVRA/MegaDescriptor-L-384, from the hub or a file",
            licence="CC BY-NC 4.0 (weights)",
            source="Čermák, Picek, Adam and Papafitsoros, WildlifeDatasets, WACV 2024",
        ),
        reidbench.MethodSpec(
            "embedding_cosine",
            "any model of timm or the hub (DINOv2, MiewID, EVA …), frozen, cosine, nearest image",
            EmbeddingSettings,
            _build,
            networks=_networks,
            needs="pretrained weights of the model, from the hub or a file",
            licence="that of the model's weights",
            source="that of the model; frozen features and cosine as in WildlifeDatasets, WACV 2024",
        ),
    ]


def _networks(settings: EmbeddingSettings) -> list[str]:
    return [settings.model] if settings.weights in ("auto", "imagenet") else []


def _build(settings: EmbeddingSettings) -> reidbench.EmbeddingMethod:
    from reidbench_megadescriptor.method import FrozenEmbedding  # imports torch and timm

    return FrozenEmbedding(settings)
