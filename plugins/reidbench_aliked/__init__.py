"""The method ``aliked``: ALIKED local features, matched by LightGlue or mutual nearest neighbours.

It is a method on its own, and the local part of WildFusion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

import reidbench


class AlikedSettings(reidbench.LightGlueSettings):
    """Settings of keypoints, and those of matching and score calibration."""

    model: Literal["aliked-n16", "aliked-n16rot", "aliked-n32", "aliked-t16"] = Field(
        "aliked-n16", description="variant of the network; n16rot was trained on rotated images"
    )
    weights: str = Field(
        "auto", description="auto (local cache, package, then the hub), or a weights file of the variant"
    )
    size: int = Field(512, ge=64, description="side in pixels that images are resized to")
    keep_aspect: bool = Field(False, description="resize only the longest side to size, and keep the aspect")
    keypoints: int = Field(256, ge=2, description="largest number of keypoints of each image; the strongest are kept")
    batch_size: int = Field(4, ge=1, description="images in a batch; halved if the GPU's memory runs out")


def _networks(settings: AlikedSettings) -> list[str]:
    names: list[str] = [settings.model] if settings.weights == "auto" else []
    if settings.matcher == "lightglue" and settings.matcher_weights == "auto":
        names.append("LightGlue for ALIKED")
    return names


def _resolve(settings: AlikedSettings, available: Callable[[str], bool]) -> reidbench.Resolved:
    return reidbench.Resolved(settings.with_matcher("LightGlue for ALIKED", available))


def _build(settings: AlikedSettings) -> reidbench.Method:
    from reidbench_aliked.method import Aliked  # imports torch and kornia

    return Aliked(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method; torch is imported when it is built."""
    return [
        reidbench.MethodSpec(
            name="aliked",
            summary="ALIKED keypoints, LightGlue or mutual neighbours, number of matches, isotonic calibration",
            settings=AlikedSettings,
            build=_build,
            needs="weights of ALIKED, and of LightGlue unless matcher=mnn",
            licence="BSD-3-Clause (ALIKED), Apache-2.0 (LightGlue)",
            networks=_networks,
            resolve=_resolve,
            presets={"quick": {"matcher": "auto"}},
            quick_by_default=False,
            source="Zhao et al. 2023 (ALIKED); Lindenberger et al. 2023 (LightGlue); as used in WildFusion",
        )
    ]
