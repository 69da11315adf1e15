"""The method ``orb``: ORB local features of OpenCV, fast and without weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import reidbench


class OrbSettings(reidbench.MaskSettings):
    """Settings of keypoints and their matching."""

    keypoints: int = Field(256, ge=2, description="largest number of keypoints of each image; the strongest are kept")
    ratio: float = Field(
        0.8,
        gt=0,
        le=1,
        description="ratio test: the square root of the Hamming distance of a match is below this share of that of the "
        "second nearest",
    )
    longest_side: int = Field(256, ge=64, description="images are resized to this longest side, in pixels")
    contrast: int = Field(10, ge=1, description="contrast threshold of FAST; a lower value finds more keypoints")
    geometry: Literal["none", "affine", "homography", "fundamental"] = Field(
        "none", description="count only matches that agree with one such geometric model"
    )


def _build(settings: OrbSettings) -> reidbench.Method:
    from reidbench_orb.method import Orb

    return Orb(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method."""
    return [
        reidbench.MethodSpec(
            name="orb",
            summary="ORB keypoints with binary descriptors, mutual nearest neighbours by Hamming distance",
            settings=OrbSettings,
            build=_build,
            source="Rublee, Rabaud, Konolige and Bradski 2011",
        )
    ]
