"""The method ``wildlife_tools``: feature extraction and cosine similarity of the package wildlife-tools.

It is included to compare the package with ``embedding_cosine`` on the same split. The package is an optional
extra, because its import takes seconds and on Linux its install adds CUDA libraries.
"""

from __future__ import annotations

from pydantic import Field

import reidbench
from reidbench import BackboneSettings


class WildlifeToolsSettings(BackboneSettings):
    """Settings of model, weights and input; the defaults are those of an example of wildlife-tools."""

    model: str = Field(
        "hf-hub:BVRA/MegaDescriptor-L-384",
        description="Name of a timm model, or hf-hub:OWNER/NAME; with weights=FILE the model of that file",
    )
    batch_size: int = Field(128, ge=1, description="Images in a batch")
    workers: int = Field(1, ge=0, description="Number of processes that decode images; 0 uses the main process")


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method; wildlife-tools is imported when it is built."""
    return [
        reidbench.MethodSpec(
            "wildlife_tools",
            "wildlife-tools 0.0.9: its DeepFeatures and CosineSimilarity, nearest image; compare with embedding_cosine",
            WildlifeToolsSettings,
            _build,
            needs="the extra wildlife-tools, and pretrained weights of the model",
            licence="that of the model's weights (MegaDescriptor: CC BY-NC 4.0)",
            source="github.com/WildlifeDatasets/wildlife-tools",
            requires=("wildlife_tools",),
            install="pip install 'reidbench[wildlife-tools]'",
            networks=_networks,
        )
    ]


def _networks(settings: WildlifeToolsSettings) -> list[str]:
    return [settings.model] if settings.weights in ("auto", "imagenet") else []


def _build(settings: WildlifeToolsSettings) -> reidbench.Method:
    from reidbench_wildlife_tools.method import WildlifeTools  # imports wildlife-tools, transformers and torch

    return WildlifeTools(settings)
