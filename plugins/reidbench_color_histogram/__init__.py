"""A floor without weights: how far colour alone goes."""

from __future__ import annotations

from pydantic import Field

import reidbench


class ColorHistogramSettings(reidbench.Settings):
    """Bins of the hue, saturation and value histogram."""

    hue_bins: int = Field(16, ge=1, le=180, description="bins of hue")
    saturation_bins: int = Field(4, ge=1, le=256, description="bins of saturation")
    value_bins: int = Field(4, ge=1, le=256, description="bins of value")


def _build(settings: ColorHistogramSettings) -> reidbench.Method:
    from reidbench_color_histogram.method import ColorHistogram

    return ColorHistogram(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    return [
        reidbench.MethodSpec(
            name="color_histogram",
            summary="HSV colour histogram, cosine, nearest image: a floor",
            settings=ColorHistogramSettings,
            build=_build,
            source="Swain and Ballard 1991 (colour indexing), compared by Bhattacharyya's coefficient",
        )
    ]
