"""A floor without weights that is hard to beat on patterned animals: local features."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import reidbench


class SiftSettings(reidbench.Settings):
    """Keypoints and their matching."""

    keypoints: int = Field(256, ge=2, description="strongest keypoints kept for each image")
    ratio: float = Field(0.8, gt=0, le=1, description="ratio test: nearest distance over the next one")
    longest_side: int = Field(256, ge=32, description="images are resized to this longest side, in pixels")
    contrast: float = Field(0.02, ge=0, description="SIFT's contrast threshold; lower finds more keypoints")
    geometry: Literal["none", "affine", "homography", "fundamental"] = Field(
        "none", description="count only matches that one such model explains"
    )


def _build(settings: SiftSettings) -> reidbench.Method:
    from reidbench_sift.method import Sift

    return Sift(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
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
