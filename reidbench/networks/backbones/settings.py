"""Settings of a frozen backbone. The module does not import torch, so plugins load it fast."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from reidbench.methods.contract import Settings


def _channels(value: Any) -> Any:
    """Convert text such as ``0.5,0.5,0.5``, from the command line, to three numbers."""
    if isinstance(value, str) and value != "auto":
        return tuple(float(part) for part in value.strip("()[] ").split(","))
    return value


Channels = Annotated[Literal["auto"] | tuple[float, float, float], BeforeValidator(_channels)]


class BackboneSettings(Settings):
    """Model, weights and input for :func:`reidbench.load_frozen_backbone`; ``auto`` is the value of the model."""

    model: str = Field(
        "hf-hub:timm/vit_small_patch14_dinov2.lvd142m",
        description="Name of a timm model, or hf-hub:OWNER/NAME; with weights=FILE the model of that file",
    )
    weights: str = Field("auto", description="auto or imagenet (pretrained, or an error), a weights file, or random")
    size: Literal["auto"] | Annotated[int, Field(ge=16)] = Field("auto", description="Side of the input in pixels")
    resize: Literal["auto", "exact", "crop", "pad"] = Field(
        "auto", description="exact: whole image, aspect not kept; crop: the middle; pad: whole image with borders"
    )
    crop_share: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = Field(
        "auto", description="Share of the resized side that the crop keeps"
    )
    interpolation: Literal["auto", "bilinear", "bicubic", "lanczos", "nearest"] = Field(
        "auto", description="Filter that resizes images"
    )
    mean: Channels = Field("auto", description="Mean of each channel, R,G,B in [0, 1]")
    std: Channels = Field("auto", description="Standard deviation of each channel, R,G,B")
    pad_type: Literal["", "same"] = Field(
        "", description="same pads like TensorFlow; empty uses the padding named in the weights file"
    )
    batch_size: int = Field(32, ge=1, description="Images in a batch")
