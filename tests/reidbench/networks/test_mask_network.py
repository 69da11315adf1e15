"""Masks made by a network, from the photograph to the table that methods read."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app
from reidbench.data.image_masks import mask_cells
from reidbench.data.masks import decode_mask
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import Images
from reidbench.networks.mask_network import MaskNetwork, make_masks
from tests.reidbench.networks.tiny_onnx import brightness_network


@pytest.fixture
def folder(tmp_path):
    """Two dark photographs of 60 x 40 pixels with a bright square; one has a box and lies in a folder."""
    rows = []
    for number, name in enumerate(("ana", "bo")):
        pixels = np.full((40, 60, 3), 20, np.uint8)
        pixels[10:30, 20:40] = 220
        (tmp_path / "photos").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "photos" / f"{name}.png"), pixels + np.uint8(number))
        box = "[30, 0, 30, 40]" if name == "bo" else ""
        rows.append(
            (f"{name} 1", name, f"photos/{name}.png", "cat", "2024-05-01T10:00:00", "left", box, f"walk {name}")
        )
    columns = ["image_id", "identity", "path", "species", "date", "orientation", "bbox", "encounter"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "metadata.csv", index=False)
    (tmp_path / "network.onnx").write_bytes(brightness_network())
    return tmp_path


def network(folder):
    return MaskNetwork(folder / "network.onnx")


def test_the_mask_is_where_the_map_is_above_half_of_its_range(folder):
    pixels = np.zeros((320, 320, 3), np.uint8)
    pixels[100:200, 50:150] = 200
    pixels[200:300] = 90  # less than half of the range
    mask = network(folder).mask(pixels)
    assert mask[100:200, 50:150].all() and mask.sum() == 100 * 100


def test_a_picture_of_one_colour_has_an_empty_mask(folder):
    assert not network(folder).mask(np.full((50, 40, 3), 99, np.uint8)).any()


def test_masks_have_the_size_of_the_photograph_and_are_empty_outside_the_box(folder):
    images = reidbench.load_dataset(str(folder / "metadata.csv"))
    made = make_masks(images, folder / "made", network(folder))
    assert (made.n_new, made.n_empty) == (2, 0)
    read = reidbench.load_dataset(str(made.table))
    whole = [decode_mask(cell, read.root, (40, 60)) for cell in mask_cells(read)]
    expected = np.zeros((40, 60), bool)
    expected[10:30, 20:40] = True
    assert np.mean(whole[0] != expected) < 0.02  # resizing blurs the edge
    assert not whole[1][:, :30].any() and np.mean(whole[1][:, 30:] != expected[:, 30:]) < 0.03
    shown = Images(read, masks=True)
    assert shown.mask(1).shape == shown.pixels(1).shape[:2] == (40, 30)


def test_the_written_table_is_the_same_dataset_with_masks(folder):
    images = reidbench.load_dataset(str(folder / "metadata.csv"))
    read = reidbench.load_dataset(str(make_masks(images, folder / "made", network(folder)).table))
    assert read.digest == images.digest
    assert read.image_id.tolist() == images.image_id.tolist()


def test_a_second_command_makes_only_what_is_missing_and_another_model_makes_all(folder):
    images = reidbench.load_dataset(str(folder / "metadata.csv"))
    make_masks(images, folder / "made", network(folder))
    (masks,) = [sorted((folder / "made" / "masks").iterdir())]
    before = masks[1].stat()
    masks[0].unlink()
    assert make_masks(images, folder / "made", network(folder)).n_new == 1
    assert (masks[1].stat().st_ino, masks[1].stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert make_masks(images, folder / "made", network(folder)).n_new == 0
    (folder / "network.onnx").write_bytes(brightness_network().replace(b"brightness", b"brighter!!"))
    assert make_masks(images, folder / "made", network(folder)).n_new == 2


def test_a_broken_photograph_is_one_message_and_finished_masks_are_kept(folder):
    images = reidbench.load_dataset(str(folder / "metadata.csv"))
    (folder / "photos" / "bo.png").write_bytes(b"no picture")
    with pytest.raises(ReidbenchError, match="cannot be read") as caught:
        make_masks(images, folder / "made", network(folder))
    assert "bo.png" in caught.value.where
    assert len(list((folder / "made" / "masks").iterdir())) == 1


@pytest.mark.parametrize("content", [None, b"no network", brightness_network(outputs=3)])
def test_a_model_that_makes_no_map_is_one_message_that_names_it(folder, content):
    path = folder / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReidbenchError, match="model can't be") as caught:
        MaskNetwork(path).mask(np.zeros((40, 40, 3), np.uint8))
    assert caught.value.where == f"--model {path}" and "u2netp.onnx" in caught.value.remedy


def test_the_command_writes_masks_table_and_picture(folder):
    result = CliRunner().invoke(
        app,
        ["masks", str(folder / "metadata.csv"), "-o", str(folder / "made"), "--model", str(folder / "network.onnx")],
    )
    assert result.exit_code == 0, result.exception
    assert "2 masks made, 0 kept, 0 without an animal" in result.output
    sheet = cv2.imread(str(folder / "made" / "masks.jpg"))
    assert sheet.shape == (128, 8 * 128, 3)
    # The first photograph is 128 x 85 pixels in the middle of its square: a bright animal before a dark background.
    assert sheet[64, 64].min() > 190 and sheet[30, 10].max() < 40
