"""Augmentation of a classifier's training: each step within its bounds, every draw from the seeded generator."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch

from reidbench.networks.training.network import seeded
from reidbench.networks.training.settings import ClassifierTrainingSettings
from reidbench.networks.training.transforms import augment_each, classifier_augmentation

OFF = {
    "size": 64, "min_area": 1.0, "mirror": False, "rotation": 0.0, "brightness": 0.0, "contrast": 0.0,
    "saturation": 0.0, "hue": 0.0, "auto_augment": False, "erase": 0.0,
}  # fmt: skip
MEAN = (0.2, 0.4, 0.6)


def _augment(images, seed=0, **settings):
    augmentation = classifier_augmentation(ClassifierTrainingSettings(**{**OFF, **settings}), MEAN)
    with seeded(seed):
        return augment_each(images, augmentation)


def _same(floats, pixels):
    return torch.allclose(floats, pixels.float() / 255, atol=1e-6)


def _noise(n=4):
    return torch.randint(0, 256, (n, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def _ramp(n):
    """Red tells the column and green the row, three grey levels a pixel, so that geometry can be read off."""
    place = (torch.arange(64) * 3).to(torch.uint8)
    image = torch.zeros(3, 64, 64, dtype=torch.uint8)
    image[0], image[1] = place[None, :], place[:, None]
    return image.repeat(n, 1, 1, 1)


def test_the_published_recipe_is_the_default():
    settings = ClassifierTrainingSettings()
    assert (settings.size, settings.min_area, settings.mirror, settings.rotation) == (384, 0.8, True, 10)
    assert (settings.brightness, settings.contrast, settings.saturation, settings.hue) == (0.4, 0.4, 0.4, 0.1)
    assert (settings.auto_augment, settings.erase) == (True, 0.25)
    assert (settings.lr, settings.weight_decay, settings.batch_size, settings.epochs) == (8e-5, 0.01, 8, 30)
    assert (settings.warmup, settings.patience) == (0.1, 8)


def test_nothing_switched_on_only_scales():
    images = _noise()
    assert _same(_augment(images), images)


def test_a_crop_keeps_at_least_its_share_of_the_area_and_a_moderate_shape():
    cropped = _augment(_ramp(60), min_area=0.8)
    inner = cropped[:, :, 8:-8, 8:-8] * 255 / 3  # in pixels of the uncropped image; 47 steps across 48 pixels
    width = (inner[:, 0].amax((1, 2)) - inner[:, 0].amin((1, 2))) / 47
    height = (inner[:, 1].amax((1, 2)) - inner[:, 1].amin((1, 2))) / 47
    area, shape = width * height, width / height
    assert area.min() > 0.78 and area.max() < 1.02 and area.max() - area.min() > 0.1
    assert shape.min() > 0.74 and shape.max() < 1.35 and shape.max() - shape.min() > 0.1


def test_about_half_of_the_images_are_mirrored():
    images = _noise(1).repeat(60, 1, 1, 1)
    mirrored = _augment(images, mirror=True)
    kinds = [_same(image, images[0].flip(2)) for image in mirrored]
    kept = [_same(image, images[0]) for image in mirrored]
    assert sum(kinds) + sum(kept) == 60 and 18 < sum(kinds) < 42


def test_rotation_stays_within_its_angle_on_either_side():
    turned = _augment(_ramp(60), rotation=10.0)[:, 0, 24:40, 24:40]
    along = (turned[:, :, -1] - turned[:, :, 0]).mean(1)  # red rises to the right before the rotation
    across = (turned[:, -1, :] - turned[:, 0, :]).mean(1)
    angle = torch.rad2deg(torch.atan2(across, along))
    assert angle.abs().max() < 10.5 and angle.max() > 6 and angle.min() < -6


def test_brightness_contrast_and_hue_stay_within_their_ranges():
    grey = torch.full((60, 3, 64, 64), 100, dtype=torch.uint8)
    bright = _augment(grey, brightness=0.4)[:, 0, 0, 0] * 255
    assert bright.min() >= 59 and bright.max() <= 141 and bright.max() - bright.min() > 50
    halves = torch.full((60, 3, 64, 64), 100, dtype=torch.uint8)
    halves[:, :, 32:] = 150
    contrast = _augment(halves, contrast=0.4)
    spread = (contrast[:, 0, -1, 0] - contrast[:, 0, 0, 0]) * 255 / 50
    assert spread.min() > 0.55 and spread.max() < 1.45 and spread.max() - spread.min() > 0.5
    red = torch.zeros(60, 3, 64, 64, dtype=torch.uint8)
    red[:, 0] = 200
    hues = [colorsys.rgb_to_hsv(*image[:, 0, 0].tolist())[0] for image in _augment(red, hue=0.1)]
    signed = np.array([hue - 1 if hue > 0.5 else hue for hue in hues])
    assert abs(signed).max() < 0.105 and signed.max() > 0.05 and signed.min() < -0.05


def test_a_quarter_of_the_images_get_a_rectangle_in_the_mean_colour():
    black = torch.zeros(200, 3, 64, 64, dtype=torch.uint8)
    erased = _augment(black, erase=0.25)
    blanked = (erased - torch.tensor(MEAN)[:, None, None]).abs().amax(1) < 1e-6
    share = blanked.float().mean((1, 2))
    hit = share > 0
    assert torch.equal(erased[~hit], black[~hit].float())
    assert 30 < int(hit.sum()) < 70  # 50 expected, standard deviation 6.1
    assert share[hit].min() > 0.015 and share[hit].max() < 0.345
    for image in blanked[hit]:
        rows, columns = image.any(1).sum(), image.any(0).sum()
        assert int(rows * columns) == int(image.sum())  # one rectangle


def test_auto_augment_changes_most_images_and_keeps_their_range():
    images = _noise(1).repeat(20, 1, 1, 1)
    changed = _augment(images, auto_augment=True)
    different = [not _same(image, images[0]) for image in changed]
    assert sum(different) > 10 and changed.min() >= 0 and changed.max() <= 1


def test_one_seed_gives_one_result_each_image_its_own_and_the_callers_generator_stays():
    images = _noise(1).repeat(6, 1, 1, 1)
    whole = ClassifierTrainingSettings(size=64).model_dump(include=OFF.keys())
    before = torch.get_rng_state()
    first, again, other = (_augment(images, seed, **whole) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert all(not torch.equal(first[0], image) for image in first[1:])
    assert first.dtype == torch.float32 and math.isfinite(float(first.sum()))


@pytest.mark.parametrize(("key", "value"), [("hue", 0.6), ("min_area", 0.0), ("warmup", 1.0), ("batch_size", 1)])
def test_settings_out_of_range_are_refused(key, value):
    with pytest.raises(ValueError, match=key):
        ClassifierTrainingSettings(**{key: value})
