"""ALIKED local features with LightGlue or mutual nearest neighbours: WildFusion's local half, and a method alone."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import reidbench
from reidbench import Calibration


class AlikedSettings(reidbench.Settings):
    """Keypoints, their matching, and how the number of matches becomes a probability."""

    model: Literal["aliked-n16", "aliked-n16rot", "aliked-n32", "aliked-t16"] = Field(
        "aliked-n16", description="variant; n16rot was trained to bear rotation"
    )
    weights: str = Field("auto", description="auto (local cache, then the hub), or a weights file of the variant")
    size: int = Field(512, ge=64, description="side in pixels that images are resized to")
    keep_aspect: bool = Field(False, description="resize the longest side to size, instead of both")
    keypoints: int = Field(256, ge=2, description="strongest keypoints kept for each image")
    batch_size: int = Field(4, ge=1, description="images described at once; halved where GPU memory runs out")
    matcher: Literal["lightglue", "mnn"] = Field(
        "lightglue", description="lightglue (a network), or mnn: mutual nearest neighbours with ratio test, no weights"
    )
    matcher_weights: str = Field("auto", description="LightGlue's weights: auto, or a file")
    confidence: float = Field(0.5, ge=0, le=1, description="LightGlue matches above this confidence count")
    ratio: float = Field(0.8, gt=0, le=1, description="mnn: nearest distance over the next one")
    pair_batch: int = Field(32, ge=1, description="pairs that LightGlue matches at once")
    geometry: Literal["none", "affine", "homography", "fundamental"] = Field(
        "none", description="count only matches that one such model explains (MAGSAC++)"
    )
    calibration: Literal["isotonic", "logistic", "none"] = Field(
        "isotonic", description="how the number of matches becomes a probability"
    )
    calibration_scope: Literal["auto", "group", "pooled"] = Field(
        "auto", description="one curve for each group, one for all, or auto: by group where it has enough animals"
    )
    calibration_pairs: int = Field(20_000, ge=100, description="pairs compared to fit the curves, at most")

    def how_calibrated(self) -> Calibration:
        return Calibration(kind=self.calibration, scope=self.calibration_scope, pairs=self.calibration_pairs)


def _build(settings: AlikedSettings) -> reidbench.Method:
    from reidbench_aliked.method import Aliked  # torch and kornia load here

    return Aliked(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    return [
        reidbench.MethodSpec(
            name="aliked",
            summary="ALIKED keypoints, LightGlue or mutual neighbours, number of matches, isotonic calibration",
            settings=AlikedSettings,
            build=_build,
            needs="ALIKED weights; LightGlue's too unless matcher=mnn",
            licence="BSD-3-Clause (ALIKED), Apache-2.0 (LightGlue)",
            source="Zhao et al. 2023 (ALIKED); Lindenberger et al. 2023 (LightGlue); as used in WildFusion",
        )
    ]
