"""Resize, cache and augmentation: values, not only shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reidbench.networks.training.augment import ResizedImages, augment, normalise, resize, to_tensor
from reidbench.networks.training.settings import TrainingSettings
from reidbench.progress import Progress

OFF = {"quarter_turns": False, "crop": 1.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0}


class _Counting:
    def __init__(self, n):
        self.decoded = []
        self._n = n

    def __len__(self):
        return self._n

    def pixels(self, index):
        self.decoded.append(index)
        return np.full((40, 30, 3), index, dtype=np.uint8)


def _batch(n=6, size=16):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_shrinking_averages_areas():
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[:, ::2] = 200
    assert (resize(pixels, 2) == 100).all()


def test_each_image_within_the_budget_is_decoded_once():
    images = _Counting(5)
    resized = ResizedImages(images, 1024, budget_mb=9, workers=2)  # 3 MiB each: three are kept
    resized.fill(Progress())
    assert resized.take([4, 0, 2])[:, 0, 0, 0].tolist() == [4, 0, 2]
    assert resized.take([4, 4, 1])[:, 0, 0, 0].tolist() == [4, 4, 1]
    assert sorted(images.decoded) == [0, 1, 2, 4, 4]


def test_normalise_by_hand():
    white = to_tensor(np.full((1, 2, 2, 3), 255, dtype=np.uint8), "cpu")
    assert normalise(white, (0.5, 0.4, 0.0), (0.5, 0.3, 2.0))[0, :, 0, 0].tolist() == pytest.approx([1.0, 2.0, 0.5])


def test_nothing_switched_on_changes_nothing():
    images = _batch()
    assert torch.allclose(augment(images, TrainingSettings(**OFF), torch.Generator()), images, atol=1e-6)


def test_quarter_turns_are_exact_and_of_all_four_kinds():
    images = _batch(40)
    settings = TrainingSettings(**{**OFF, "quarter_turns": True})
    turned = augment(images, settings, torch.Generator().manual_seed(0))
    seen = set()
    for before, after in zip(images, turned, strict=True):
        kinds = [k for k in range(4) if torch.allclose(torch.rot90(before, k, (1, 2)), after, atol=1e-5)]
        assert len(kinds) == 1
        seen.add(kinds[0])
    assert seen == {0, 1, 2, 3}


def test_mirror_flips_left_and_right_in_about_half():
    images = _batch(40)
    mirrored = augment(images, TrainingSettings(**OFF, mirror=True), torch.Generator().manual_seed(0))
    flipped = [torch.allclose(a.flip(2), b, atol=1e-5) for a, b in zip(images, mirrored, strict=True)]
    kept = [torch.allclose(a, b, atol=1e-5) for a, b in zip(images, mirrored, strict=True)]
    assert sum(flipped) + sum(kept) == 40 and 8 < sum(flipped) < 32


def test_brightness_scales_each_image_by_one_factor_within_its_range():
    images = _batch() * 0.5
    brighter = augment(images, TrainingSettings(**{**OFF, "brightness": 0.2}), torch.Generator().manual_seed(0))
    factors = brighter.mean((1, 2, 3)) / images.mean((1, 2, 3))
    assert torch.allclose(brighter, images * factors[:, None, None, None], atol=1e-5)
    assert factors.min() >= 0.8 and factors.max() <= 1.2 and factors.std() > 0.01


def test_one_generator_gives_one_result():
    images, settings = _batch(), TrainingSettings()
    first = augment(images, settings, torch.Generator().manual_seed(4))
    assert torch.equal(first, augment(images, settings, torch.Generator().manual_seed(4)))
    assert not torch.equal(first, augment(images, settings, torch.Generator().manual_seed(5)))


def test_channels_are_read_from_text():
    assert TrainingSettings(mean="0.1,0.2,0.3").mean == (0.1, 0.2, 0.3)
    assert TrainingSettings().std == "auto"
