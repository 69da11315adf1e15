"""Masks worked by hand, against COCO's own library, and what is no mask."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import reidbench
from reidbench.data.masks import decode_mask
from reidbench.errors import ReidbenchError

# Three pixels each way, on 5 rows and 7 columns. Down the columns: 11 zeros (two columns and one), 3 ones, 2 zeros, …
BLOCK = np.zeros((5, 7), bool)
BLOCK[1:4, 2:5] = True
RUNS = [11, 3, 2, 3, 2, 3, 11]


def _decoded(cell, shape=(5, 7), root=Path()):
    return decode_mask(cell, root, shape, "metadata.csv, row 2")


@pytest.mark.parametrize(
    "cell",
    [
        {"size": [5, 7], "counts": RUNS},
        {"size": np.array([5, 7]), "counts": np.array(RUNS)},
        # 11 is ';' (48 + 11), 3 and 2 stand as they are; the others less the run before the last: 0, 0, 0 and 9.
        {"size": [5, 7], "counts": ";320009"},
        {"size": [5, 7], "counts": b";320009"},
        "{'size': [5, 7], 'counts': ';320009'}",
        json.dumps({"counts": RUNS, "size": [5, 7]}),
        [2, 1, 4, 1, 4, 3, 2, 3],
        np.array([2.0, 1.2, 4.4, 1.0, 4.0, 3.0, 1.6, 3.0]),
        [[2, 1, 4, 1, 4, 3, 2, 3]],
        "[[2, 1, 4, 1, 4, 2, 2, 2], [2, 2, 4, 2, 4, 3, 2, 3]]",
        (2, 1, 4, 1, 4, 3, 2, 3),
    ],
)
def test_every_form_of_one_mask_is_that_mask(cell):
    assert (_decoded(cell) == BLOCK).all()


def test_compressed_runs_of_several_characters_and_falling_length():
    # 40 = 8 + 32 is 'X1'. The last is 2 - 40 = -38 = 26 - 2 * 32: 26 + 32 + 48 is 'j', and -2 = 30 - 32 is 'N'.
    found = _decoded({"size": [6, 8], "counts": "1X15jN"}, (6, 8)).T.ravel()
    assert np.flatnonzero(np.diff(found)).tolist() == [0, 40, 45] and not found[0] and found[-1]


def test_a_polygon_that_leaves_the_photograph_is_cut_off():
    assert _decoded([-9, -9, 2, -9, 2, 2, -9, 2]).sum() == 9


def test_masks_are_those_of_cocos_own_library():
    coco = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for _ in range(50):
        shape = tuple(rng.integers(1, 90, 2).tolist())
        mask = rng.random(shape) < rng.random()
        runs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert (_decoded(runs, shape) == mask).all()
        assert (_decoded(str(runs), shape) == mask).all()
    for _ in range(50):  # that library rounds an outline inwards, ours belongs to the animal: two pixels at most
        angle = np.linspace(0, 2 * np.pi, 9, endpoint=False) + rng.uniform(0, 0.4, 9)
        corners = np.stack([60 + 40 * np.cos(angle), 50 + 30 * np.sin(angle)], axis=1)
        other = coco.decode(coco.merge(coco.frPyObjects([corners.ravel().tolist()], 100, 120))).astype(bool)
        ours = _decoded(corners.ravel().tolist(), (100, 120))
        square = np.ones((3, 3), np.uint8)
        grown, shrunk = (of(other.astype(np.uint8), square, iterations=2) > 0 for of in (cv2.dilate, cv2.erode))
        assert (shrunk <= ours).all() and (ours <= grown).all()


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "RGBA", "LA", "labels", "16 bit"])
def test_a_mask_in_a_file_is_its_lighter_half(mode, tmp_path):
    grey = np.where(BLOCK, 250, 9).astype(np.uint8)  # not quite black and white, as JPEG leaves it
    if mode in ("RGBA", "LA"):  # cut out: the animal's own, dark colours on nothing
        made = Image.fromarray(np.where(BLOCK, 20, 200).astype(np.uint8)).convert(mode)
        made.putalpha(Image.fromarray(np.where(BLOCK, 255, 0).astype(np.uint8)))
    elif mode == "labels":
        made = Image.fromarray(BLOCK.astype(np.uint8))
    elif mode == "16 bit":
        made = Image.fromarray(np.where(BLOCK, 60000, 300).astype(np.uint16))
    else:
        made = Image.fromarray(grey).convert(mode)
    made.save(tmp_path / "mask.png")
    assert (_decoded("mask.png", root=tmp_path) == BLOCK).all()


def test_an_empty_mask_is_read_as_nothing(tmp_path):
    Image.new("L", (7, 5)).save(tmp_path / "mask.png")
    assert not _decoded("mask.png", root=tmp_path).any()
    assert not _decoded({"size": [5, 7], "counts": [35]}).any()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ({"size": [5, 7], "counts": [11, 3]}, "its runs cover 14 pixels of 5 x 7"),
        ({"size": [5, 7], "counts": [40, -5]}, "its runs cover"),
        ({"size": [5, 7], "counts": ""}, "its runs cover 0 pixels"),
        ({"size": [5, 7], "counts": "é"}, "compressed text"),
        ({"size": [5, 7], "counts": ";32000Y"}, "end within a number"),
        ({"size": [7, 5], "counts": RUNS}, "it has 5 x 7 pixels, but its photograph 7 x 5"),
        ({"size": [10**9, 10**9], "counts": [10**18]}, "it has 1000000000 x"),
        ({"counts": RUNS}, "have a size"),
        ([1, 2, 3, 4], "three corners"),
        ([1, 2, 3, 4, 5, 6, 7], "three corners"),
        ([0, 0, 1, 0, float("nan"), 1], "not within 1000000 pixels"),
        ([0, 0, 1e9, 0, 1, 1], "not within 1000000 pixels"),
        ([0, 0, "a", 0, 1, 1], "a list of numbers"),
        ("[0, 0, 1", "cannot be read"),
        ("[0. 1. 2.]", "cannot be read"),
        (7, "int is neither"),
        ("missing.png", "no such file"),
    ],
)
def test_what_is_no_mask_is_told_with_its_row(cell, message, tmp_path):
    with pytest.raises(ReidbenchError, match=message) as caught:
        _decoded(cell, root=tmp_path)
    assert caught.value.where == "metadata.csv, row 2" and "segmentation" in caught.value.remedy


def test_a_masks_file_of_another_size_or_kind_is_told(tmp_path):
    Image.new("L", (5, 7)).save(tmp_path / "turned.png")
    (tmp_path / "text.png").write_text("no image")
    for name, message in (("turned.png", "5 x 7 pixels, but its photograph 7 x 5"), ("text.png", "cannot be read")):
        with pytest.raises(ReidbenchError, match=message):
            _decoded(name, root=tmp_path)


def test_masks_come_with_a_table_and_change_neither_digest_nor_what_a_method_is_shown(tmp_path):
    for number in range(3):
        Image.new("RGB", (7, 5), (number, 0, 0)).save(tmp_path / f"{number}.png")
    table = pd.DataFrame({"identity": ["ana", "bo", "bo"], "path": ["0.png", "1.png", "2.png"], "species": "cat"})
    table.to_csv(tmp_path / "plain.csv", index=False)
    polygon = [2, 1, 4, 1, 4, 3, 2, 3]
    table.assign(segmentation=[polygon, None, polygon]).to_csv(tmp_path / "masked.csv", index=False)
    table.assign(segmentation=[polygon, None, polygon]).to_parquet(tmp_path / "masked.parquet")
    plain, *masked = (reidbench.load_dataset(str(tmp_path / n)) for n in ("plain.csv", "masked.csv", "masked.parquet"))
    assert plain.given is None
    for images in masked:
        assert images.digest == plain.digest and images.contents() == plain.contents()
        taken = images.take([2, 1]).given.mask
        assert (decode_mask(taken[0], tmp_path, (5, 7)) == BLOCK).all() and taken[1] is None
