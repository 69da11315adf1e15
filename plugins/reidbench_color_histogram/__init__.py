"""The method ``color_histogram``: a baseline without weights that compares only colours."""

from __future__ import annotations

from pydantic import Field

import reidbench


class ColorHistogramSettings(reidbench.Settings):
    """Numbers of bins of the histogram of hue, saturation and value (HSV)."""

    hue_bins: int = Field(16, ge=1, le=180, description="number of bins of hue")
    saturation_bins: int = Field(4, ge=1, le=256, description="number of bins of saturation")
    value_bins: int = Field(4, ge=1, le=256, description="number of bins of value (brightness)")


def _build(settings: ColorHistogramSettings) -> reidbench.Method:
    from reidbench_color_histogram.method import ColorHistogram

    return ColorHistogram(settings)


@reidbench.hookimpl
def reidbench_methods() -> list[reidbench.MethodSpec]:
    """Offer the method."""
    return [
        reidbench.MethodSpec(
            name="color_histogram",
            summary="HSV colour histogram, cosine, nearest image: a baseline",
            settings=ColorHistogramSettings,
            build=_build,
            source="Swain and Ballard 1991 (colour indexing), compared by the Bhattacharyya coefficient",
        )
    ]
