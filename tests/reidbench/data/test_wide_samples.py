"""Pictures with more than 8 bits a sample are scaled by their own range; cache keys of other pictures stay."""

import hashlib
import json
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.data.decoding import decode
from reidbench.data.wide_samples import is_wide, wide_notes
from reidbench.identifying.new_photographs import read_photographs
from reidbench.registry.datasets import load_dataset


def _tiff(path, values, **tags):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        info[int(tag[1:])] = value
    Image.fromarray(values).save(path, tiffinfo=info)
    return path


def _grey(path):
    pixels = decode(path)
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([0, 1365, 2730, 4095], [0, 85, 170, 255]),  # 12 bits in 16: 4095 / 3 = 1365, 255 / 3 = 85
        ([0, 51, 102, 255], [0, 51, 102, 255]),  # 8 bits in 16
        ([0, 341, 1023], [0, 85, 255]),  # 10 bits
        ([0, 3000], [0, 187]),  # 3000 needs 12 bits: 3000 / 4095 * 255 = 186.8
        ([0, 257, 25700, 65535], [0, 1, 100, 255]),  # all 16 bits
    ],
)
def test_few_bits_in_a_16_bit_picture_are_scaled_by_their_range(tmp_path, suffix, samples, expected):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.array([samples], np.uint16)).save(path)
    assert _grey(path) == expected


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_colour_with_12_bits_keeps_its_colours(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.array([[[0, 1365, 4095], [2730, 0, 0]]], np.uint16))  # blue, green, red
    assert decode(path).tolist() == [[[255, 85, 0], [0, 0, 170]]]


def test_16_bit_alpha_is_laid_over_white(tmp_path):
    samples = np.array([[[0, 0, 4095, 65535], [0, 0, 4095, 0]]], np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), samples)
    assert decode(tmp_path / "a.png").tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 32767, 65535]], np.int32), [0, 127, 255]),
        (np.array([[0, 2**29, 2**30 - 1]], np.int32), [0, 128, 255]),
        (np.array([[0.0, 0.2, 1.0]], np.float32), [0, 51, 255]),
        (np.array([[0.0, 51.0, 255.0]], np.float32), [0, 51, 255]),
        (np.array([[0.0, 13107.0, 65535.0]], np.float32), [0, 51, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 0.6, np.inf]], np.float32), [0, 153, 255]),
    ],
)
def test_integers_of_32_bits_and_floats_are_neither_black_nor_white(tmp_path, values, expected):
    assert _grey(_tiff(tmp_path / "a.tif", values)) == expected


@pytest.mark.parametrize("tag", ["t281", "t341"])
def test_the_range_that_a_tiff_declares_comes_before_its_largest_sample(tmp_path, tag):
    samples = np.array([[0, 200, 819]], np.uint16)
    assert _grey(_tiff(tmp_path / "a.tif", samples, **{tag: 4095})) == [0, 12, 51]  # 819 = 4095 / 5
    assert _grey(_tiff(tmp_path / "b.tif", samples)) == [0, 50, 204]  # 10 bits: 200 / 1023 * 255 = 49.9


def test_a_declared_range_smaller_than_a_sample_is_not_used(tmp_path):
    assert _grey(_tiff(tmp_path / "a.tif", np.array([[0, 4095]], np.uint16), t341=100)) == [0, 255]


def test_bits_per_sample_between_8_and_16_are_the_range(tmp_path):
    """Two samples of 12 bits in three bytes: 0x0FF = 255 of 4095 is 15.9, and 0x333 = 819 of 4095 is 51."""
    entries = [(256, 3, 2), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 3, 1),
               (279, 4, 3)]  # fmt: skip
    content = b"II*\0" + struct.pack("<I", 12) + b"\x0f\xf3\x33\0" + struct.pack("<H", len(entries))
    content += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries) + bytes(4)
    (tmp_path / "a.tif").write_bytes(content)
    assert _grey(tmp_path / "a.tif") == [16, 51]


@pytest.mark.parametrize("mode", ["grey", "colour"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_wide_pictures_are_turned_upright_once(tmp_path, mode, suffix):
    samples = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
    upright = np.rint(np.rot90(samples, -1) / 4095 * 255)
    if mode == "colour":
        samples = np.repeat(samples[:, :, None], 3, axis=2)
    plain = tmp_path / f"plain.{suffix}"
    cv2.imwrite(str(plain), samples)
    turned = tmp_path / f"turned.{suffix}"
    (_turn_png if suffix == "png" else _turn_tiff)(plain, turned)
    np.testing.assert_array_equal(decode(turned), np.repeat(upright[:, :, None], 3, axis=2))
    assert decode(turned, (0, 1, 2, 2)).shape == (2, 2, 3)


def _turn_png(plain, turned):
    import zlib

    exif = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0)
    chunk = b"eXIf" + exif
    content = plain.read_bytes()
    turned.write_bytes(
        content[:33] + struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]
    )


def _turn_tiff(plain, turned):
    content = bytearray(plain.read_bytes())
    (start,) = struct.unpack("<I", content[4:8])
    (count,) = struct.unpack("<H", content[start : start + 2])
    entries = [bytes(content[start + 2 + 12 * each : start + 14 + 12 * each]) for each in range(count)]
    entries.append(struct.pack("<HHIHH", 274, 3, 1, 6, 0))
    entries.sort(key=lambda entry: struct.unpack("<H", entry[:2]))
    content[4:8] = struct.pack("<I", len(content))
    content += struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    turned.write_bytes(content)


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"])
def test_pictures_of_8_bits_and_fewer_are_not_wide_and_keep_grey(tmp_path, mode):
    grey = Image.new("RGB", (4, 4), (255, 255, 255) if mode == "1" else (90, 90, 90))
    path = tmp_path / ("a.png" if mode in ("1", "P", "L", "LA", "RGBA") else "a.tif")
    if mode == "HSV":
        path = tmp_path / "a.jpg"
        grey.save(path)
    else:
        (grey.quantize() if mode == "P" else grey.convert(mode)).save(path)
    assert not is_wide(path)
    assert np.abs(decode(path).astype(int) - (255 if mode == "1" else 90)).max() <= 3


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_2_and_4_bits_keeps_white_white(tmp_path, bits):
    image = Image.new("P", (2, 1))
    image.putpalette([value for grey in (0, 255) for value in (grey,) * 3])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", bits=bits)
    assert _grey(tmp_path / "a.png") == [0, 255]


@pytest.fixture
def herd(tmp_path):
    """Six ordinary and six wide photographs of each of two animals."""
    generator = np.random.default_rng(0)
    for animal in ("ana", "bo"):
        folder = tmp_path / "herd" / animal
        folder.mkdir(parents=True)
        for number in range(6):
            Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{number}.png")
            samples = generator.integers(0, 3000, (8, 8), np.uint16)
            samples[0, 0] = 3000
            Image.fromarray(samples).save(folder / f"{number}.tif")
    return tmp_path / "herd"


def test_a_note_counts_wide_pictures_once_with_their_range(herd, tmp_path):
    said = "12 pictures have more than 8 bits a sample; each is scaled by its own range (white is 4095 in the first 8)"
    assert load_dataset(str(herd)).note == said
    shown = CliRunner().invoke(app, ["datasets", str(herd)], env={"COLUMNS": "200"}).stdout
    assert shown.count(said) == 1
    arguments = ["run", "--method", "color_histogram", "--dataset", str(herd), "--runs", str(tmp_path / "runs")]
    assert CliRunner().invoke(app, arguments).stderr.count(said) == 1
    assert list(read_photographs(herd, ["lynx"]).notes) == [said]


def test_one_wide_picture_is_described_alone(herd):
    assert wide_notes([herd / "ana" / "1.tif"]) == [
        "1 picture has more than 8 bits a sample; each is scaled by its own range (white is 4095)"
    ]
    assert wide_notes([herd / "ana" / "1.png", herd / "gone.tif"]) == []


def test_the_pixels_of_a_picture_do_not_depend_on_the_others(herd):
    before = decode(herd / "ana" / "1.tif")
    Image.fromarray(np.full((8, 8), 65535, np.uint16)).save(herd / "ana" / "9.tif")
    np.testing.assert_array_equal(decode(herd / "ana" / "1.tif"), before)


def test_only_wide_pictures_have_another_cache_key_than_before(herd):
    images = load_dataset(str(herd))
    columns = [images.table[name] for name in ("bbox", "group", "orientation", "date")]
    before = [
        hashlib.sha256(json.dumps(row).encode()).hexdigest() for row in zip(images.file_hashes(), *columns, strict=True)
    ]
    changed = [old != new for old, new in zip(before, images.contents(), strict=True)]
    assert changed == [path.endswith(".tif") for path in images.table["path"]]
