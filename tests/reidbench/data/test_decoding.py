import numpy as np
import pytest
from PIL import Image

from reidbench.data.decoding import decode
from reidbench.errors import ReidbenchError


def _save(path, pixels, mode=None, **options):
    image = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.fixture
def gradient():
    return np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def test_rgb_is_read_as_it_is(tmp_path, gradient):
    pixels = decode(_save(tmp_path / "a.png", gradient))
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous and pixels.flags.writeable
    np.testing.assert_array_equal(pixels, gradient)


def test_exif_orientation_turns_the_image_before_the_box_is_cut(tmp_path, gradient):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    path = _save(tmp_path / "a.png", gradient, exif=exif)
    upright = np.rot90(gradient, -1)
    np.testing.assert_array_equal(decode(path), upright)
    np.testing.assert_array_equal(decode(path, (1, 2, 2, 3)), upright[2:5, 1:3])


def test_grey_becomes_three_equal_channels(tmp_path):
    path = _save(tmp_path / "a.png", [[0, 100], [200, 255]])
    np.testing.assert_array_equal(decode(path), np.repeat(np.array([[[0], [100]], [[200], [255]]]), 3, axis=2))


@pytest.mark.parametrize("mode", ["1", "P"])
def test_palette_and_bilevel_keep_white_white(tmp_path, mode):
    path = _save(tmp_path / "a.png", np.full((2, 2, 3), 255), mode)
    assert (decode(path) == 255).all()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_print_and_video_colours_become_rgb(tmp_path, mode):
    path = _save(tmp_path / "a.tif", np.full((2, 2, 3), (255, 0, 0)), mode)
    assert np.abs(decode(path).astype(int) - (255, 0, 0)).max() <= 2


def test_transparent_parts_are_laid_over_white(tmp_path):
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]])
    decoded = decode(_save(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(decoded[0, :2], [[10, 20, 30], [255, 255, 255]])
    assert abs(int(decoded[0, 2, 0]) - 127) <= 1


def test_transparent_palette_entry_is_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(decode(tmp_path / "a.png")[0], [[255] * 3, [9] * 3])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, suffix):
    Image.fromarray(np.array([[0, 257, 25700, 65535]], dtype=np.uint16)).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(decode(tmp_path / f"a.{suffix}")[0, :, 0], [0, 1, 100, 255])


def test_box_is_clipped_to_the_image(tmp_path, gradient):
    path = _save(tmp_path / "a.png", gradient)
    np.testing.assert_array_equal(decode(path, (-3, 2, 5, 100)), gradient[2:, :2])


def test_box_outside_the_image_is_an_error_that_names_the_file(tmp_path, gradient):
    path = _save(tmp_path / "a.png", gradient)
    with pytest.raises(ReidbenchError, match="is outside the image") as caught:
        decode(path, (50, 0, 5, 5))
    assert caught.value.where == str(path) and caught.value.remedy


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated_image_names_the_file(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    path = _save(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ReidbenchError, match="cannot be read") as caught:
        decode(path)
    assert caught.value.where == str(path)


def test_text_file_and_missing_file_name_the_file(tmp_path):
    (tmp_path / "a.jpg").write_text("not an image")
    for name, message in (("a.jpg", "not an image"), ("b.jpg", "missing")):
        with pytest.raises(ReidbenchError, match=message) as caught:
            decode(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
