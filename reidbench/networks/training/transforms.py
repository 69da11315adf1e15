"""The strong augmentation of a classifier's training, built from torchvision's transforms.

They draw from torch's global generator on the CPU, whatever device the image is on, and one image after
another: a caller who seeds that generator (:func:`reidbench.networks.training.network.seeded`) gets equal results.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from reidbench.networks.training.settings import ClassifierTrainingSettings

# Share of the area that RandomErasing blanks.
_ERASED = (0.02, 0.33)


def classifier_augmentation(settings: ClassifierTrainingSettings, mean: Sequence[float]) -> v2.Transform:
    """Return what happens to one image, ``(3, size, size)`` bytes, in training; its result is in [0, 1].

    Random crop, mirror, rotation, colour jitter, AutoAugment, blanked rectangle, in this order; whatever is
    switched off is left out.

    Args:
        settings: Which, and how strong.
        mean: Colour of the blanked rectangle, R,G,B in [0, 1]: the mean that is later subtracted, so that
            the network sees zeros there.
    """
    steps: list[v2.Transform] = []
    if settings.min_area < 1:
        steps.append(v2.RandomResizedCrop(settings.size, scale=(settings.min_area, 1.0), antialias=True))
    if settings.mirror:
        steps.append(v2.RandomHorizontalFlip(0.5))
    if settings.rotation:
        # Corners that come into view are black, as the transform leaves them.
        steps.append(v2.RandomRotation(settings.rotation, InterpolationMode.BILINEAR))
    if settings.brightness or settings.contrast or settings.saturation or settings.hue:
        steps.append(v2.ColorJitter(settings.brightness, settings.contrast, settings.saturation, settings.hue))
    if settings.auto_augment:
        steps.append(v2.AutoAugment(v2.AutoAugmentPolicy.IMAGENET, InterpolationMode.BILINEAR))
    steps.append(v2.ToDtype(torch.float32, scale=True))
    if settings.erase:
        steps.append(v2.RandomErasing(settings.erase, scale=_ERASED, value=list(mean)))
    return v2.Compose(steps)


def augment_each(images: Tensor, augmentation: v2.Transform) -> Tensor:
    """Augment ``(n, 3, size, size)`` bytes, each image in its own way; the result is in [0, 1]."""
    return torch.stack([augmentation(image) for image in images])
