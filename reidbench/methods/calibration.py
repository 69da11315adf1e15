"""Options of score calibration. The module imports neither scipy nor scikit-learn, so plugins load it fast."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Calibration(BaseModel):
    """How the core maps a method's similarity to a probability.

    The defaults are the protocol of reidbench: pairs of a calibration query and a gallery image, folds over
    identities, and a strictly rising curve, so that different similarities get different scores.
    :meth:`published` gives the options of WildFusion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field("isotonic", description="Kind of curve: isotonic, logistic, none, or the name of a plugin's")
    scope: Literal["auto", "group", "pooled"] = Field(
        "auto", description="group: one curve for each group; pooled: one for all; auto: group if it has enough animals"
    )
    pairs: int = Field(20_000, ge=100, description="Largest number of image pairs to fit the curves on")
    source: Literal["episode", "gallery"] = Field(
        "episode",
        description="Pairs to fit on: episode (calibration query and gallery) or gallery (two gallery images)",
    )
    images: int = Field(0, ge=0, description="All pairs of the first N gallery images; 0 samples pairs from all images")
    held_out: bool = Field(
        True, description="Score each calibration query with a curve that was fitted without images of its animal"
    )
    compat: bool = Field(False, description="Curve and number format of WildFusion: flat ends, half precision")

    @classmethod
    def published(cls, images: int = 1000) -> Calibration:
        """Return WildFusion's options: isotonic, all pairs i < j of the first ``images`` gallery images, one curve."""
        return cls(kind="isotonic", scope="pooled", source="gallery", images=images, held_out=False, compat=True)
