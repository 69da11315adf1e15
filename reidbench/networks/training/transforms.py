"""Strong augmentation for the training of a classifier, from torchvision's transforms.

The transforms use torch's global CPU generator, image by image, on every device. Seed it with
:func:`reidbench.networks.training.network.seeded` to get the same result each time.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from reidbench.networks.training.settings import ClassifierTrainingSettings

# Smallest and largest share of the area that RandomErasing blanks.
_ERASED = (0.02, 0.33)


def classifier_augmentation(settings: ClassifierTrainingSettings, mean: Sequence[float]) -> v2.Transform:
    """Return the augmentation of one image, from ``(3, size, size)`` bytes to floats in [0, 1].

    The steps are random crop, mirror, rotation, colour jitter, AutoAugment and a blanked rectangle, in this order.

    Args:
        settings: The steps and their strengths.
        mean: Colour of the blanked rectangle, R,G,B in [0, 1]. It should be the mean that is subtracted later, so
            that the rectangle becomes 0.
    """
    steps: list[v2.Transform] = []
    if settings.min_area < 1:
        steps.append(v2.RandomResizedCrop(settings.size, scale=(settings.min_area, 1.0), antialias=True))
    if settings.mirror:
        steps.append(v2.RandomHorizontalFlip(0.5))
    if settings.rotation:
        # The corners that rotation uncovers are black, the default of the transform.
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
    """Augment each image of a batch, from ``(n, 3, size, size)`` bytes to floats in [0, 1]."""
    return torch.stack([augmentation(image) for image in images])
