"""The method ``sift``: a baseline without weights that matches local features, strong on patterned animals."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import reidbench


class SiftSettings(reidbench.MaskSettings):
    """Settings of keypoints and their matching."""

    keypoints: int = Field(256, ge=2, description="largest number of keypoints of each image; the strongest are kept")
    ratio: float = Field(
        0.8, gt=0, le=1, description="ratio test: a match is nearer than this share of the second nearest distance"
    )
    longest_side: int = Field(256, ge=32, description="images are resized to this longest side, in pixels")
    contrast: float = Field(0.02, ge=0, description="contrast threshold of SIFT; a lower value finds more keypoints")
    geometry: Literal["none", "affine", "homography", "fundamental"] = Field(
        "none", description="count only matches that agree with one such geometric model"
    )


def _build(settings: SiftSettings) -> reidbench.Method:
    from reidbench_sift.method import Sift

    return Sift(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method."""
    return [
        reidbench.MethodSpec(
            name="sift",
            summary="RootSIFT, mutual nearest neighbours with ratio test, number of matches",
            settings=SiftSettings,
            build=_build,
            source="Lowe 2004; Arandjelović and Zisserman 2012",
            version="3",
        )
    ]
