"""Settings of local methods that match keypoints by LightGlue. The module does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self

from pydantic import Field

from reidbench.methods.calibration import Calibration
from reidbench.methods.contract import MaskSettings
from reidbench.methods.refinement import RefineSettings

QUICK_REFINE = 5
"""Number of pairs of each query that ``matcher=auto`` compares by LightGlue."""


class LightGlueSettings(RefineSettings, MaskSettings):
    """Matching and score calibration of a :class:`~reidbench.networks.lightglue.LightGlueMethod`."""

    matcher: Literal["lightglue", "mnn", "auto"] = Field(
        "lightglue",
        description="lightglue (a network); mnn: mutual nearest neighbours with ratio test, no weights; auto: "
        f"lightglue with refine={QUICK_REFINE} (or the given number) if its weights are available, else mnn",
    )
    matcher_weights: str = Field("auto", description="LightGlue's weights: auto, or a file")
    confidence: float = Field(0.5, ge=0, le=1, description="LightGlue matches above this confidence count")
    ratio: float = Field(
        0.8, gt=0, le=1, description="mnn: a match is nearer than this share of the second nearest distance"
    )
    pair_batch: int = Field(32, ge=1, description="pairs of images in a LightGlue batch")
    geometry: Literal["none", "affine", "homography", "fundamental"] = Field(
        "none", description="count only matches that agree with one such geometric model"
    )
    calibration: Literal["isotonic", "logistic", "none"] = Field(
        "isotonic", description="curve from the number of matches to a probability"
    )
    calibration_scope: Literal["auto", "group", "pooled"] = Field(
        "auto", description="group: one curve for each group; pooled: one for all; auto: group if it has enough animals"
    )
    calibration_pairs: int = Field(20_000, ge=100, description="largest number of image pairs to fit the curves on")

    def how_calibrated(self) -> Calibration:
        """Return the options of score calibration."""
        return Calibration(kind=self.calibration, scope=self.calibration_scope, pairs=self.calibration_pairs)

    def with_matcher(self, network: str, available: Callable[[str], bool]) -> Self:
        """Return the settings with the matcher that ``matcher=auto`` means on this machine.

        Args:
            network: Name of LightGlue's weights in ``reidbench weights``.
            available: Returns whether the weights of a network can be had.
        """
        if self.matcher != "auto":
            return self
        if self.matcher_weights != "auto" or available(network):
            return self.model_copy(update={"matcher": "lightglue", "refine": self.refine or QUICK_REFINE})
        return self.model_copy(update={"matcher": "mnn", "refine": 0})
