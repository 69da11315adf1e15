"""The input that a network expects, and the transform from pixels to this input.

The transform is timm's evaluation transform, with which published weights are tested: resize by Pillow with
antialiasing, crop, scale to [0, 1], normalise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Channel3 = tuple[float, float, float]
Resize = Literal["exact", "crop", "pad"]
# Our names and timm's.
_CROP_MODES: dict[Resize, str] = {"exact": "squash", "crop": "center", "pad": "border"}
_DEFAULT_MEAN = (0.485, 0.456, 0.406)
_DEFAULT_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """The input that a network expects.

    Attributes:
        size: Height and width in pixels.
        mean: Mean of red, green and blue, in [0, 1].
        std: Standard deviation of red, green and blue.
        resize: ``exact`` resizes the whole image without keeping its aspect. ``crop`` scales the shorter side and
            keeps the middle. ``pad`` scales the longer side and fills the rest with the mean colour.
        crop_share: Share of the resized side that the crop keeps, in (0, 1].
        interpolation: Filter of Pillow: ``bilinear``, ``bicubic``, ``lanczos`` or ``nearest``.

    Raises:
        ValueError: A size is below 1, a standard deviation is not positive, or ``crop_share`` is outside (0, 1].
    """

    size: tuple[int, int]
    mean: Channel3
    std: Channel3
    resize: Resize = "crop"
    crop_share: float = 1.0
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        if min(self.size) < 1 or not 0 < self.crop_share <= 1 or min(self.std) <= 0:
            raise ValueError(f"invalid network input: size {self.size}, crop share {self.crop_share}, std {self.std}")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NetworkInput:
        """Make the input from timm's pretrained configuration of a model."""
        _, height, width = config.get("input_size") or (3, 224, 224)
        resize_of = {crop_mode: resize for resize, crop_mode in _CROP_MODES.items()}
        return cls(
            (int(height), int(width)),
            three(config.get("mean") or _DEFAULT_MEAN),
            three(config.get("std") or _DEFAULT_STD),
            resize_of.get(str(config.get("crop_mode")), "crop"),
            float(config.get("crop_pct") or 0.875),
            str(config.get("interpolation") or "bicubic"),
        )

    def transform(self) -> Callable[[Any], Tensor]:
        """Return the transform from one Pillow image to ``(3, height, width)`` float32."""
        from timm.data import create_transform

        transform: Callable[[Any], Tensor] = create_transform(
            input_size=(3, *self.size),
            mean=self.mean,
            std=self.std,
            crop_mode=_CROP_MODES[self.resize],
            crop_pct=self.crop_share,
            interpolation=self.interpolation,
        )
        return transform

    def prepare(self, pixels: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Transform decoded images of any size, each ``(height, width, 3)``, to ``(n, 3, height, width)`` float32."""
        import torch
        from PIL import Image

        transform = _transform_of(self)
        return torch.stack([transform(Image.fromarray(image)) for image in pixels])


@functools.lru_cache(maxsize=8)
def _transform_of(network_input: NetworkInput) -> Callable[[Any], Tensor]:
    """Return the transform, which is made once: images are transformed one by one."""
    return network_input.transform()


def three(value: Any) -> Channel3:
    """Return a value for each of three channels, from numbers or from text such as ``0.5,0.5,0.5``."""
    if isinstance(value, str):
        value = value.split(",")
    red, green, blue = value
    return float(red), float(green), float(blue)
