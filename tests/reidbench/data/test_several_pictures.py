"""Only the first picture of a file is read, and a note counts the files that hold more."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reidbench
from reidbench.data.several_pictures import several_pictures_notes
from reidbench.identifying.new_photographs import read_photographs


def draw(path: Path, n_picture: int) -> Path:
    pictures = [
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (40, 40, 3), np.uint8))
        for number in range(n_picture)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"save_all": True, "append_images": pictures[1:]} if n_picture > 1 else {}
    pictures[0].save(path, **options)
    return path


@pytest.mark.parametrize("name", ["multi.tif", "anim.gif", "anim.webp"])
def test_pages_and_frames_are_counted_in_datasets_and_for_identify(tmp_path, name):
    draw(tmp_path / "ana" / name, 3)
    for path in ("ana/0.png", "bo/1.tif", "bo/2.gif", "cy/3.webp"):
        draw(tmp_path / path, 1)
    expected = f"1 file holds several pictures (pages or frames), of which only the first is read: '{name}' (3)"
    assert expected in reidbench.load_dataset(str(tmp_path)).note
    assert [note for note in read_photographs(tmp_path, ["all"]).notes if note.startswith(expected)]


def test_files_with_one_picture_and_broken_files_have_no_note(tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0broken")
    assert several_pictures_notes([draw(tmp_path / "0.tif", 1), tmp_path / "broken.tif", tmp_path / "gone.gif"]) == []
