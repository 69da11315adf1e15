"""The method ``kaze``: KAZE local features of OpenCV, without weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import reidbench


class KazeSettings(reidbench.MaskSettings):
    """Settings of keypoints and their matching."""

    keypoints: int = Field(256, ge=2, description="largest number of keypoints of each image; the strongest are kept")
    ratio: float = Field(
        0.8, gt=0, le=1, description="ratio test: a match is nearer than this share of the second nearest distance"
    )
    longest_side: int = Field(256, ge=32, description="images are resized to this longest side, in pixels")
    threshold: float = Field(
        0.0005, gt=0, description="smallest response of a keypoint; a lower value finds more keypoints"
    )
    geometry: Literal["none", "affine", "homography", "fundamental"] = Field(
        "none", description="count only matches that agree with one such geometric model"
    )


def _build(settings: KazeSettings) -> reidbench.Method:
    from reidbench_kaze.method import Kaze

    return Kaze(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method."""
    return [
        reidbench.MethodSpec(
            name="kaze",
            summary="KAZE keypoints, mutual nearest neighbours with ratio test, number of matches",
            settings=KazeSettings,
            build=_build,
            needs="OpenCV 4; version 5 of opencv-python has no KAZE",
            source="Alcantarilla, Bartoli and Davison 2012",
        )
    ]
