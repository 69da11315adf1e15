"""Photographs in folders: found by content, counted when left out, links followed once."""

import os
import sys
import types

import pytest
from PIL import Image
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.data import image_files
from reidbench.data.capture_times import read_capture_time
from reidbench.data.decoding import decode
from reidbench.data.image_files import format_of, is_image, left_out_notes, read_folder
from reidbench.data.sources.files import from_folder
from reidbench.errors import ReidbenchError
from reidbench.identifying.new_photographs import read_photographs

HEIC = b"\0\0\0\x18ftypheic" + bytes(40)


def _photograph(path, kind="JPEG", colour=(200, 10, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path, format=kind)
    return path


@pytest.fixture
def without_heif(monkeypatch):
    monkeypatch.setattr(image_files, "reads_heif", lambda: False)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jfif", "JPEG"), ("a.jpe", "JPEG"), ("a.JPEG", "JPEG"), ("a.PNG", "PNG"), ("a", "JPEG"), ("a.img", "PNG"),
        ("a.0001", "WEBP"), ("IMG 1.2019", "TIFF"), ("a.x", "BMP"), ("a.y", "GIF"),
    ],
)  # fmt: skip
def test_a_photograph_is_found_by_its_content_whatever_its_suffix(tmp_path, name, kind):
    path = _photograph(tmp_path / "ana" / name, kind)
    assert read_folder(tmp_path).images == [path]
    assert decode(path).shape == (8, 8, 3)


def test_avif_is_read_where_pillow_reads_it(tmp_path):
    if not image_files.reads_avif():
        pytest.skip("this Pillow has no AVIF")
    path = _photograph(tmp_path / "ana" / "1.avif", "AVIF")
    assert read_folder(tmp_path).images == [path]
    assert abs(int(decode(path)[0, 0, 0]) - 200) < 20


def test_raw_files_previews_and_backup_copies_are_no_photographs(tmp_path):
    for name in ("a.NEF", "a.thm", "a.jpg_original", "a.jpg~", "a.jpg.bak"):
        _photograph(tmp_path / name)
    content = read_folder(tmp_path)
    assert content.images == []
    assert content.left_out == {".nef": 1, ".thm": 1, ".jpg_original": 1, ".jpg~": 1, ".bak": 1}


def test_text_that_begins_like_a_bitmap_is_no_photograph(tmp_path):
    (tmp_path / "notes").write_text("BMs are bitmaps, and this is a text about them")
    assert not is_image(tmp_path / "notes")
    assert format_of(b"BM" + bytes(12) + (40).to_bytes(4, "little")) == "BMP"


def test_files_left_out_are_counted_by_suffix_most_frequent_first(tmp_path, without_heif):
    _photograph(tmp_path / "ana" / "1.jpg")
    for number in range(30):
        (tmp_path / "ana" / f"{number}.HEIC").write_bytes(HEIC)
    for number in range(6):
        (tmp_path / "ana" / f"{number}.mov").write_bytes(b"video")
    note = from_folder(tmp_path, None).note
    assert note.startswith("36 files left out: 30 .heic, 6 .mov (pip install 'reidbench[heif]'")


def test_run_datasets_and_identify_say_what_was_left_out(tmp_path, without_heif):
    for animal in ("ana", "bo"):
        for number in range(6):
            _photograph(tmp_path / "herd" / animal / f"{number}.jpg", colour=(number * 40, 9, 90))
        (tmp_path / "herd" / animal / "7.heic").write_bytes(HEIC)
    said = "2 files left out: 2 .heic"
    assert said in CliRunner().invoke(app, ["datasets", str(tmp_path / "herd")]).stdout
    arguments = [
        "run",
        "--method",
        "color_histogram",
        "--dataset",
        str(tmp_path / "herd"),
        "--runs",
        str(tmp_path / "r"),
    ]
    assert said in CliRunner().invoke(app, arguments).stderr
    photographs = read_photographs(tmp_path / "herd", ["lynx"])
    assert len(photographs.images) == 12 and photographs.skipped == 2
    assert photographs.notes[0].startswith(said)


def test_an_animal_with_only_heic_is_an_error_that_says_what_reads_it(tmp_path, without_heif):
    _photograph(tmp_path / "ana" / "1.jpg")
    (tmp_path / "leo").mkdir()
    (tmp_path / "leo" / "1.HEIC").write_bytes(HEIC)
    with pytest.raises(
        ReidbenchError, match="'leo' contains no image that can be read here: 1 file left out: 1 .heic"
    ) as caught:
        from_folder(tmp_path, None)
    assert "pillow-heif" in caught.value.remedy and "delete" not in caught.value.remedy


@pytest.mark.parametrize("name", ["1.heic", "1.jpg"])
def test_decoding_heic_without_its_reader_says_what_reads_it(tmp_path, without_heif, name):
    (tmp_path / name).write_bytes(HEIC)
    with pytest.raises(ReidbenchError, match="the image is HEIF, which this installation cannot read") as caught:
        decode(tmp_path / name)
    assert caught.value.where == str(tmp_path / name) and "pillow-heif" in caught.value.remedy


def test_heic_is_read_where_pillow_heif_is_installed(tmp_path, monkeypatch):
    module = types.ModuleType("pillow_heif")
    module.__spec__ = types.SimpleNamespace(name="pillow_heif")
    calls = []
    module.register_heif_opener = lambda: calls.append(1)
    monkeypatch.setitem(sys.modules, "pillow_heif", module)
    image_files.register_heif.cache_clear()
    (tmp_path / "1.heic").write_bytes(HEIC)
    assert read_folder(tmp_path).images == [tmp_path / "1.heic"]
    decode(_photograph(tmp_path / "2.jpg"))
    decode(tmp_path / "2.jpg")
    assert calls == [1]
    image_files.register_heif.cache_clear()
    read_capture_time(tmp_path / "2.jpg")  # capture times are read before an image is decoded
    assert calls == [1, 1]
    image_files.register_heif.cache_clear()


def test_links_are_followed_and_each_folder_is_read_once(tmp_path):
    _photograph(tmp_path / "elsewhere" / "1.jpg")
    _photograph(tmp_path / "elsewhere" / "deep" / "2.jpg")
    herd = tmp_path / "herd"
    _photograph(herd / "bo" / "1.jpg")
    (herd / "bo" / "again").symlink_to(herd / "bo")
    (herd / "bo" / "up").symlink_to(herd)
    (herd / "bo" / "file.jpg").symlink_to(tmp_path / "elsewhere" / "1.jpg")
    (herd / "ana").symlink_to(tmp_path / "elsewhere")
    (herd / "ring").symlink_to(herd)
    images = from_folder(herd, None)
    assert list(images.table["path"]) == ["ana/1.jpg", "ana/deep/2.jpg", "bo/1.jpg", "bo/file.jpg"]
    assert images.note == ", ".join(
        f"the link '{name}' leads to a folder that is read already" for name in ("bo/again", "bo/up", "ring")
    )


def test_broken_links_and_names_that_are_not_text_are_a_line_each(tmp_path):
    _photograph(tmp_path / "ana" / "1.jpg")
    (tmp_path / "ana" / "2.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "ana" / "3.jpg").symlink_to(tmp_path / "ana" / "3.jpg")
    try:
        os.rename(_photograph(tmp_path / "ana" / "4.jpg"), os.fsencode(tmp_path / "ana") + b"/l\xf6we.jpg")  # noqa: PTH104
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    content = read_folder(tmp_path)
    assert content.images == [tmp_path / "ana" / "1.jpg"]
    assert left_out_notes([content]) == [
        "the link 'ana/2.jpg' is broken, the link 'ana/3.jpg' is broken, "
        "the name 'ana/l\\xf6we.jpg' is not UTF-8 text: rename it"
    ]


def test_hidden_photographs_are_counted(tmp_path):
    _photograph(tmp_path / "1.jpg")
    (tmp_path / "._1.jpg").write_bytes(b"resource fork")
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert left_out_notes([read_folder(tmp_path)]) == ["1 file left out: 1 hidden"]
