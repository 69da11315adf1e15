"""Options of score calibration, free of scipy and scikit-learn so that plugins can declare them at no cost."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Calibration(BaseModel):
    """How the core calibrates a method's similarity.

    The defaults are reidbench's own protocol: pairs of a calibration query and a gallery image, folds over
    identities, and a curve that never gives two similarities one score. :meth:`published` is WildFusion's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field("isotonic", description="Shape of the curve: isotonic, logistic, none, or a plugin's by name")
    scope: Literal["auto", "group", "pooled"] = Field(
        "auto", description="One curve for each group, one for all, or auto: by group where it has enough identities"
    )
    pairs: int = Field(20_000, ge=100, description="Pairs of images compared to fit the curves, at most")
    source: Literal["episode", "gallery"] = Field(
        "episode", description="Fit on calibration queries against the gallery, or on gallery images among themselves"
    )
    images: int = Field(0, ge=0, description="Use this many gallery images from the first on, all pairs; 0 samples all")
    held_out: bool = Field(
        True,
        description="Judge each calibration query by a curve that saw neither its animal's queries nor its gallery",
    )
    compat: bool = Field(
        False, description="The published curve and number format: flat ends, scores kept in half precision"
    )

    @classmethod
    def published(cls, images: int = 1000) -> Calibration:
        """Return WildFusion's own: isotonic, all pairs i < j of the first gallery images, one curve for all."""
        return cls(kind="isotonic", scope="pooled", source="gallery", images=images, held_out=False, compat=True)
