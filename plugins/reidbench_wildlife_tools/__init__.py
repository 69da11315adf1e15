"""A peer in the leaderboard: wildlife-tools' own feature extraction and cosine similarity, on the same split.

The library stays optional: importing it takes seconds, and on Linux it brings CUDA libraries of its own.
"""

from __future__ import annotations

from pydantic import Field

import reidbench
from reidbench import BackboneSettings


class WildlifeToolsSettings(BackboneSettings):
    """Which model, which weights, which input; the defaults are those of wildlife-tools' own example."""

    model: str = Field(
        "hf-hub:BVRA/MegaDescriptor-L-384",
        description="Model by its name in timm, or hf-hub:OWNER/NAME; with weights=FILE the one the file was made for",
    )
    batch_size: int = Field(128, ge=1, description="Images in a batch")
    workers: int = Field(1, ge=0, description="Processes that decode images; 0 decodes in the main one")


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the peer; wildlife-tools loads when it is built."""
    return [
        reidbench.MethodSpec(
            "wildlife_tools",
            "wildlife-tools 0.0.9: its DeepFeatures and CosineSimilarity, nearest image; a peer to compare with",
            WildlifeToolsSettings,
            _build,
            needs="the extra wildlife-tools, and pretrained weights of the model",
            licence="that of the model's weights (MegaDescriptor: CC BY-NC 4.0)",
            source="github.com/WildlifeDatasets/wildlife-tools",
            requires=("wildlife_tools",),
            install="pip install 'reidbench[wildlife-tools]'",
        )
    ]


def _build(settings: WildlifeToolsSettings) -> reidbench.Method:
    from reidbench_wildlife_tools.method import WildlifeTools  # wildlife-tools, transformers and torch load here

    return WildlifeTools(settings)
