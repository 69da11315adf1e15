"""The memory budget, and pictures that need more than it."""

import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from reidbench.data import memory
from reidbench.data.decoding import decode
from reidbench.data.memory import memory_budget, memory_bytes, parse_size, reserved
from reidbench.data.picture_size import upright_size
from reidbench.data.pictures import PictureTooLargeError, open_picture
from reidbench.errors import ReidbenchError


def png_header(path, width, height, bits=8):
    """Write a PNG that ends where its pixels begin."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pixels = struct.pack(">I", 1000) + b"IDAT"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + pixels)
    return path


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("512MB", 512 * 10**6), ("512 MiB", 512 * 2**20), ("2gib", 2 * 2**30), ("1.5GB", 15 * 10**8), (2**27, 2**27)],
)
def test_a_size_is_a_number_with_a_unit_or_a_number_of_bytes(text, n_bytes):
    assert parse_size(text) == n_bytes


@pytest.mark.parametrize("text", ["", "1", "lots", "1 XB", "-1GiB", "1e3GiB", "63MiB", "nanGB", 2**20])
def test_another_text_or_a_tiny_size_is_refused_with_an_example(text):
    with pytest.raises(ReidbenchError) as caught:
        parse_size(text)
    assert str(text) in caught.value.where and "--memory 512MB" in caught.value.remedy


def test_a_budget_ends_with_its_block_also_after_an_error():
    assert memory_bytes() == 2**30
    with pytest.raises(ReidbenchError, match="67108864"), memory_budget("64MiB"):
        raise ReidbenchError(f"{memory_bytes()} bytes")
    assert memory_bytes() == 2**30


def test_a_picture_beyond_the_budget_is_refused_by_its_header_and_the_option_that_reads_it_is_named(tmp_path):
    path = png_header(tmp_path / "huge.png", 13_300, 13_300)
    with pytest.raises(PictureTooLargeError, match="13300 x 13300 pixels") as caught:
        decode(path)
    assert "--memory 2GiB" in caught.value.remedy and caught.value.where == str(path)
    with memory_budget("2GiB"), pytest.raises(ReidbenchError, match="the image cannot be read"):
        decode(path)  # the pixels are missing, so they were looked for


def test_a_picture_with_more_bits_a_sample_needs_more_memory(tmp_path):
    # 40 megapixels: 480 MB with 8 bits a sample, and 1.44 GB with 16.
    with pytest.raises(ReidbenchError, match="the image cannot be read"):
        decode(png_header(tmp_path / "narrow.png", 8000, 5000))
    with pytest.raises(PictureTooLargeError):
        decode(png_header(tmp_path / "wide.png", 8000, 5000, bits=16))


def test_the_limit_of_pillow_does_not_apply_and_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.fromarray(np.full((30, 20, 3), 7, np.uint8)).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png").shape == (30, 20, 3)
    assert upright_size(tmp_path / "a.png") == (20, 30)
    with open_picture(tmp_path / "a.png"):
        assert Image.MAX_IMAGE_PIXELS == 10


def test_pixels_are_equal_whatever_the_strips(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (37, 23, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 200).save(tmp_path / "wide.png")
    whole = [decode(tmp_path / name, box) for name in ("a.png", "wide.png") for box in (None, (3, 4, 15, 20))]
    monkeypatch.setattr("reidbench.data.decoding._STRIP", 50)
    monkeypatch.setattr("reidbench.data.wide_samples._STRIP", 50)
    strips = [decode(tmp_path / name, box) for name in ("a.png", "wide.png") for box in (None, (3, 4, 15, 20))]
    for one, other in zip(whole, strips, strict=True):
        np.testing.assert_array_equal(one, other)


def test_threads_wait_until_the_budget_has_room(monkeypatch):
    monkeypatch.setattr(memory, "_budget", 100)
    entered = threading.Event()

    def work():
        with reserved(60):
            entered.set()

    with reserved(60):
        waiting = threading.Thread(target=work)
        waiting.start()
        assert not entered.wait(0.05)
    waiting.join(10)
    assert entered.is_set()


def test_a_request_beyond_the_budget_waits_for_the_others_and_then_passes(monkeypatch):
    monkeypatch.setattr(memory, "_budget", 100)
    with reserved(250):
        pass
    assert memory._reserved == 0
