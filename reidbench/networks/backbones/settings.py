"""Options of a frozen backbone, free of torch so that a plugin can offer them without loading it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from reidbench.methods.contract import Settings


def _channels(value: Any) -> Any:
    """Read ``0.5,0.5,0.5`` as three numbers: a command line has only text."""
    if isinstance(value, str) and value != "auto":
        return tuple(float(part) for part in value.strip("()[] ").split(","))
    return value


Channels = Annotated[Literal["auto"] | tuple[float, float, float], BeforeValidator(_channels)]


class BackboneSettings(Settings):
    """Which model, which weights, and how an image becomes its input; ``auto`` is what the model expects.

    :func:`reidbench.load_frozen_backbone` takes them.
    """

    model: str = Field(
        "hf-hub:timm/vit_small_patch14_dinov2.lvd142m",
        description="Model by its name in timm, or hf-hub:OWNER/NAME; with weights=FILE the one the file was made for",
    )
    weights: str = Field(
        "auto", description="auto or imagenet (pretrained, or an error), a weights file, or random (nothing learned)"
    )
    size: Literal["auto"] | Annotated[int, Field(ge=16)] = Field("auto", description="Side of the input in pixels")
    resize: Literal["auto", "exact", "crop", "pad"] = Field(
        "auto", description="exact: whole image, aspect not kept; crop: its middle; pad: whole image and borders"
    )
    crop_share: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = Field(
        "auto", description="Share of the resized side that the crop keeps"
    )
    interpolation: Literal["auto", "bilinear", "bicubic", "lanczos", "nearest"] = Field(
        "auto", description="How images are resized"
    )
    mean: Channels = Field("auto", description="Mean of each channel, R,G,B in [0, 1]")
    std: Channels = Field("auto", description="Deviation of each channel, R,G,B")
    pad_type: Literal["", "same"] = Field(
        "", description="same pads as TensorFlow does; empty takes what the weights file says"
    )
    batch_size: int = Field(32, ge=1, description="Images in a batch")
