"""The method ``disk``: DISK local features, matched by mutual nearest neighbours or LightGlue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

import reidbench


class DiskSettings(reidbench.LightGlueSettings):
    """Settings of keypoints, and those of matching and score calibration."""

    weights: str = Field("auto", description="auto (local cache, package, then the hub), or a weights file")
    size: int = Field(512, ge=64, multiple_of=16, description="side in pixels that images are resized to")
    keypoints: int = Field(256, ge=2, description="largest number of keypoints of each image; the strongest are kept")
    batch_size: int = Field(1, ge=1, description="images in a batch; halved if the GPU's memory runs out")
    matcher: Literal["lightglue", "mnn", "auto"] = Field(
        "mnn", description="mnn (mutual nearest neighbours), lightglue or auto, as of aliked"
    )


def _networks(settings: DiskSettings) -> list[str]:
    names = ["DISK"] if settings.weights == "auto" else []
    if settings.matcher == "lightglue" and settings.matcher_weights == "auto":
        names.append("LightGlue for DISK")
    return names


def _resolve(settings: DiskSettings, available: Callable[[str], bool]) -> reidbench.Resolved:
    return reidbench.Resolved(settings.with_matcher("LightGlue for DISK", available))


def _build(settings: DiskSettings) -> reidbench.Method:
    from reidbench_disk.method import Disk  # imports torch and kornia

    return Disk(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method; torch is imported when it is built."""
    return [
        reidbench.MethodSpec(
            name="disk",
            summary="DISK keypoints, mutual neighbours or LightGlue, number of matches, isotonic calibration",
            settings=DiskSettings,
            build=_build,
            needs="weights of DISK, and of LightGlue with matcher=lightglue",
            licence="Apache-2.0",
            networks=_networks,
            resolve=_resolve,
            source="Tyszkiewicz, Fua and Trulls 2020 (DISK); Lindenberger et al. 2023 (LightGlue)",
        )
    ]
