"""Photographs are found by the digest of their dataset, and shrink."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.reporting.photographs import LONGEST_SIDE, Photographs, find_photographs, thumbnail


def test_drawn_animals_need_not_be_named(finished):
    (shown,) = find_photographs(finished.of("patterns"), []).values()
    assert shown.images is not None and shown.images.name == finished.of("patterns")[0].dataset


def test_other_images_than_the_run_s_are_refused(finished, tmp_path):
    with pytest.raises(ReidbenchError, match="no run of this page uses") as caught:
        find_photographs(finished.of("patterns"), [str(finished.hostile_csv)])
    assert caught.value.where == f"--images {finished.hostile_csv}" and caught.value.remedy


def test_a_thumbnail_keeps_its_shape_and_holds_no_metadata():
    made = thumbnail(np.full((100, 400, 3), 200, np.uint8))
    assert (made.width, made.height) == (LONGEST_SIDE, LONGEST_SIDE // 4)
    with Image.open(io.BytesIO(base64.b64decode(made.address.partition(",")[2]))) as image:
        assert image.format == "JPEG" and image.size == (made.width, made.height) and not image.getexif()
    small = thumbnail(np.zeros((20, 10, 3), np.uint8))
    assert (small.width, small.height) == (10, 20)


def test_images_of_an_animal_put_the_query_s_orientation_first(tmp_path):
    rows = []
    for name, orientation in (("a", "left"), ("b", "right"), ("c", "left"), ("q", "right")):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
        rows.append(f"{name},ana,{name}.png,{orientation}")
    (tmp_path / "m.csv").write_text("image_id,identity,path,orientation\n" + "\n".join(rows), encoding="utf-8")
    shown = Photographs(reidbench.load_dataset(str(tmp_path / "m.csv")))
    assert shown.of_identity("ana", ["a", "b", "c"], like="q") == ["b", "a", "c"]
    assert shown.of_identity("bo", ["a", "b"], like="q") == []
    (tmp_path / "a.png").write_bytes(b"no image any more")
    assert shown.pixels("a") is None and shown.pixels("zzz") is None and shown.pixels("b").shape == (8, 8, 3)


def test_there_are_photographs_or_there_is_a_reason():
    with pytest.raises(ValueError, match="reason"):
        Photographs(None)
