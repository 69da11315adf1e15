"""From pixels to a network's input: what is kept, what is cut, what the numbers become."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reidbench.networks.backbones.network_input import NetworkInput

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "interpolation": "nearest"}


@pytest.fixture
def banded():
    """40 wide, 20 high: black, red, red, black, ten pixels each."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, 10:30, 0] = 255
    return pixels


def rows(image):
    """The red channel as text, a letter each pixel."""
    return ["".join("r" if value > 0.5 else "." for value in line) for line in image[0].tolist()]


def test_exact_keeps_all_of_the_image_and_not_its_aspect(banded):
    image = NetworkInput((4, 4), resize="exact", **PLAIN).prepare([banded])[0]
    assert rows(image) == [".rr."] * 4


def test_crop_keeps_the_middle(banded):
    image = NetworkInput((4, 4), resize="crop", **PLAIN).prepare([banded])[0]
    assert rows(image) == ["rrrr"] * 4  # 8 x 4 once resized; the middle half is red


def test_pad_keeps_all_and_fills_with_the_mean_colour(banded):
    wanted = NetworkInput((4, 4), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0), "pad", 1.0, "nearest")
    image = wanted.prepare([banded])[0]
    assert rows(image) == ["....", ".rr.", ".rr.", "...."]
    assert image[1, 0].tolist() == [0.0] * 4  # green there, which is the mean


def test_crop_share_is_the_part_of_the_resized_side(banded):
    image = NetworkInput((4, 4), resize="exact", crop_share=0.5, **PLAIN).prepare([banded])[0]
    assert rows(image) == ["rrrr"] * 4  # resized to 8 x 8, of which the middle 4 x 4


def test_values_are_scaled_and_normalised():
    pixels = np.full((3, 3, 3), (0, 51, 255), np.uint8)
    wanted = NetworkInput((2, 2), (0.5, 0.1, 0.0), (0.5, 0.2, 2.0), "exact")
    image = wanted.prepare([pixels, pixels])
    assert image.shape == (2, 3, 2, 2) and image.dtype == torch.float32
    np.testing.assert_allclose(image[1, :, 0, 0], [-1.0, 0.5, 0.5], atol=1e-6)


def test_a_configuration_of_timm_is_read():
    config = {"input_size": (3, 64, 96), "mean": (0.1, 0.2, 0.3), "crop_pct": 0.9, "crop_mode": "border"}
    wanted = NetworkInput.from_config(config)
    assert wanted == NetworkInput((64, 96), (0.1, 0.2, 0.3), (0.229, 0.224, 0.225), "pad", 0.9, "bicubic")


@pytest.mark.parametrize("change", [{"size": (0, 4)}, {"crop_share": 0.0}, {"crop_share": 1.5}, {"std": (0.0, 1, 1)}])
def test_inputs_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError, match="invalid network input"):
        NetworkInput(**{"size": (4, 4), **PLAIN, **change})
