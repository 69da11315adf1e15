"""From decoded photographs to network input: resize, augmentation of a batch, normalisation.

Resized images are kept in memory as bytes, so that each file is decoded once. All random numbers come from a CPU
generator that the caller passes, so they do not depend on the device or on threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reidbench.methods.contract import Images
from reidbench.networks.training.settings import TrainingSettings
from reidbench.progress import Progress

# Weights of red, green and blue for brightness (luma), ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


def resize(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize to exactly ``(size, size, 3)`` without keeping the aspect; averages areas if the image gets smaller."""
    shrinks = pixels.shape[0] * pixels.shape[1] > size * size
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=interpolation), dtype=np.uint8)


class ResizedImages:
    """The images of a training at network size, kept in memory up to a budget.

    Args:
        images: The images to decode.
        size: Side in pixels.
        budget_mb: Memory for kept images in MiB; the other images are decoded at each use.
        workers: Number of threads that decode.
    """

    def __init__(self, images: Images, size: int, budget_mb: int, workers: int) -> None:
        self._images = images
        self._size = size
        self._workers = workers
        n_kept = min(len(images), budget_mb * 2**20 // (size * size * 3))
        self._kept = np.empty((n_kept, size, size, 3), dtype=np.uint8)
        self._ready = np.zeros(n_kept, dtype=bool)

    def __len__(self) -> int:
        return len(self._images)

    def take(self, indices: NDArray[np.int64] | Sequence[int]) -> NDArray[np.uint8]:
        """Return the given images in the given order, ``(n, size, size, 3)``."""
        absent = sorted({int(index) for index in indices if index >= len(self._kept) or not self._ready[index]})
        decoded: dict[int, NDArray[np.uint8]] = {}
        if absent:
            with ThreadPoolExecutor(min(self._workers, len(absent))) as pool:
                decoded = dict(zip(absent, pool.map(self._decode, absent), strict=True))
            for index, pixels in decoded.items():
                if index < len(self._kept):
                    self._kept[index] = pixels
                    self._ready[index] = True
        return np.stack([decoded[i] if (i := int(index)) in decoded else self._kept[i] for index in indices])

    def fill(self, progress: Progress) -> None:
        """Decode the images that fit the budget, before the first epoch."""
        with progress.stage("decode images", len(self._kept)) as stage:
            for start in range(0, len(self._kept), 64):
                indices = range(start, min(start + 64, len(self._kept)))
                self.take(indices)
                stage.advance(len(indices))

    def _decode(self, index: int) -> NDArray[np.uint8]:
        return resize(self._images.pixels(index), self._size)


def to_tensor(pixels: NDArray[np.uint8], device: str) -> Tensor:
    """Convert ``(n, size, size, 3)`` bytes to ``(n, 3, size, size)`` floats in [0, 1]."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255.0


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Subtract the mean of each channel and divide by its standard deviation."""
    shift = images.new_tensor(mean)[None, :, None, None]
    return (images - shift) / images.new_tensor(std)[None, :, None, None]


def augment(images: Tensor, settings: TrainingSettings, generator: torch.Generator) -> Tensor:
    """Crop, rotate, mirror and change the colours of each image of a batch, with random values for each image.

    Args:
        images: ``(n, 3, size, size)`` in [0, 1].
        settings: The augmentations and their strengths.
        generator: CPU generator of all random numbers.

    Returns:
        A new batch of the same shape, in [0, 1].
    """
    n = len(images)

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    # All random numbers are drawn even if an augmentation is off, so that one option does not change the others.
    share, centre_x, centre_y = draw(settings.crop, 1), draw(-1, 1), draw(-1, 1)
    turns = torch.randint(4, (n,), generator=generator) * int(settings.quarter_turns)
    flip = torch.where((draw(0, 1) < 0.5) & settings.mirror, -1.0, 1.0)
    brightness, contrast, saturation = (
        draw(1 - strength, 1 + strength).to(images.device)[:, None, None, None]
        for strength in (settings.brightness, settings.contrast, settings.saturation)
    )
    if settings.crop < 1 or settings.quarter_turns or settings.mirror:
        angle = turns * (math.pi / 2)
        # Rounding makes sine and cosine of quarter turns exact, so that sampling hits pixel centres.
        cosine, sine = angle.cos().round(), angle.sin().round()
        theta = torch.stack(
            [
                torch.stack([share * cosine * flip, -share * sine, (1 - share) * centre_x], 1),
                torch.stack([share * sine * flip, share * cosine, (1 - share) * centre_y], 1),
            ],
            1,
        ).to(images.device)
        grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
        images = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    luma = images.new_tensor(_LUMA)[None, :, None, None]
    images = (images * brightness).clamp(0, 1)
    mean = (images * luma).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    images = (mean + (images - mean) * contrast).clamp(0, 1)
    grey = (images * luma).sum(1, keepdim=True)
    return (grey + (images - grey) * saturation).clamp(0, 1)
