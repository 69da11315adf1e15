"""Capture times in files, broken metadata, and times that are ignored."""

import io

import numpy as np
import pytest
from PIL import Image

from reidbench.auditing.capture_times import capture_times
from reidbench.data.capture_times import parse_capture_time, read_capture_time, usable_times


def _time(text):
    return np.datetime64(text, "ms")


@pytest.mark.parametrize(
    ("taken", "sub_second", "expected"),
    [
        ("2021:05:06 07:08:09", None, "2021-05-06T07:08:09.000"),
        ("2021:05:06 07:08:09\0", "25", "2021-05-06T07:08:09.250"),
        ("2021:05:06 07:08:09", "2", "2021-05-06T07:08:09.200"),
        ("2021:05:06 07:08:09", "123456 ", "2021-05-06T07:08:09.123"),
        ("2021:05:06 07:08:09", "??", "2021-05-06T07:08:09.000"),
        ("2021:05:06 07:08:09", "²", "2021-05-06T07:08:09.000"),
        ("2021-05-06T07:08:09.5", "25", "2021-05-06T07:08:09.500"),
        (b"2021:05:06 07:08:09\0", None, "2021-05-06T07:08:09.000"),
    ],
)
def test_a_time_is_read_to_the_millisecond(taken, sub_second, expected):
    assert parse_capture_time(taken, sub_second) == _time(expected)


@pytest.mark.parametrize(
    "taken",
    [
        None, "", "0000:00:00 00:00:00", "    :  :     :  :  ", "2021:13:01 00:00:01", "2021:02:30 10:00:00",
        "2021:05:06 25:00:00", "2021:05:06 10:00:60", "6 May 2021", "2021:05:06", 20210506, ("2021:05:06 07:08:09",),
    ],
)  # fmt: skip
def test_an_invalid_time_is_unknown(taken):
    assert np.isnat(parse_capture_time(taken))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_time_is_read_from_every_format_with_exif(kind, tmp_path, exif_of):
    path = tmp_path / "photograph"
    Image.new("RGB", (8, 8)).save(path, kind, exif=exif_of("2021:05:06 07:08:09", "5"))
    assert read_capture_time(path) == _time("2021-05-06T07:08:09.500")


def test_a_scan_and_a_saved_file_have_no_capture_time(tmp_path):
    exif = Image.Exif()
    exif[0x0132] = "2021:05:06 07:08:09"  # DateTime
    exif[0x8769] = {0x9004: "2021:05:06 07:08:09"}  # DateTimeDigitized
    Image.new("RGB", (8, 8)).save(tmp_path / "scan.jpg", exif=exif)
    assert np.isnat(read_capture_time(tmp_path / "scan.jpg"))


@pytest.mark.filterwarnings("error")
def test_broken_metadata_give_no_time_and_no_error(tmp_path, exif_of):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif_of("2021:05:06 07:08:09", "5"))
    whole, rng = buffer.getvalue(), np.random.default_rng(0)
    metadata = whole.index(b"2021:05:06") + 20
    path = tmp_path / "broken.jpg"
    read = []
    for _ in range(300):
        broken = bytearray(whole)
        for place in rng.integers(2, metadata, 4):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        read.append(read_capture_time(path))
    assert 0 < sum(map(np.isnat, read)) < 300
    path.write_bytes(b"no photograph")
    assert np.isnat(read_capture_time(path)) and np.isnat(read_capture_time(tmp_path / "missing.jpg"))


def _usable(taken, identity=None, content=None, date=None, within_s=60):
    n = len(taken)
    return usable_times(
        np.array([_time(text) for text in taken]),
        identity=np.array(identity or ["ana"] * n),
        content=content or [str(row) for row in range(n)],
        date=np.array(date or [""] * n, dtype=str),
        within_s=within_s,
    )


def test_midnight_and_the_days_on_which_clocks_begin_are_ignored():
    found = _usable([
        "1970-01-01T00:00:00", "2000-01-01T03:00:05", "2021-05-06T00:00:00", "2021-05-06T00:00:01", "NaT",
    ])  # fmt: skip
    assert found.known.tolist() == [False, False, False, True, False]
    assert (found.n_unset, found.n_contradicted, found.n_stopped) == (3, 0, 0)


def test_a_new_years_photograph_counts_as_any_other():
    taken = ["2022-01-01T00:03:00", "2022-01-01T09:15:00", "2001-01-01T12:00:00", "1999-12-31T23:59:00"]
    found = _usable(taken)
    assert found.known.all() and found.n_unset == 0 and found.ignored == ""


def test_a_time_more_than_a_day_from_the_date_in_the_table_is_ignored():
    taken = ["2021-05-06T23:59:00"] * 4
    found = _usable(taken, date=["2021-05-06", "2021-05-07", "2021-05-08", "2019-05-06"])
    assert found.known.tolist() == [True, True, False, False] and found.n_contradicted == 2


STILL = "2012-07-05T14:33:10"


def test_an_isolated_second_with_several_photographs_of_several_animals_is_a_stopped_clock():
    found = _usable([STILL] * 3 + ["2012-07-05T14:40:00"], identity=["ana", "ana", "bo", "ana"])
    assert found.known.tolist() == [False, False, False, True] and found.n_stopped == 3


@pytest.mark.parametrize(
    ("taken", "identity", "content"),
    [
        ([STILL] * 3, ["ana"] * 3, None),  # a fast camera, one animal
        ([STILL] * 3, ["ana", "bo", "cy"], None),  # a herd, cut into one file for each animal
        ([STILL] * 4, ["ana", "ana", "bo", "bo"], ["0", "0", "1", "1"]),  # the same herd, copied
        # A herd in a burst: the clock goes on.
        ([STILL] * 4 + ["2012-07-05T14:33:11"], ["ana", "ana", "bo", "bo", "ana"], None),
        ([STILL] * 4 + ["2012-07-05T14:34:10"], ["ana", "ana", "bo", "bo", "cy"], None),  # at the limit exactly
    ],
)
def test_a_running_clock_and_a_herd_cut_into_files_are_no_stopped_clock(taken, identity, content):
    found = _usable(taken, identity, content)
    assert found.known.all() and found.n_stopped == 0


def test_fractions_of_a_second_do_not_hide_a_stopped_clock():
    found = _usable([f"{STILL}.{n:03d}" for n in (0, 10, 20, 30)], identity=["ana", "ana", "bo", "bo"])
    assert found.n_stopped == 4


def test_the_capture_times_of_a_dataset_are_read_from_its_files(album):
    images = album([
        {"identity": "ana", "taken": "2021:05:06 07:08:09", "sub_second": "5"}, {"identity": "ana"},
        {"identity": "bo", "content": b"no image"}, {"identity": "bo", "taken": "2000:01:01 00:00:00"},
    ])  # fmt: skip
    found = capture_times(images, within_s=60)
    assert len(found) == 4 and found.known.tolist() == [True, False, False, False]
    assert found.taken[0] == _time("2021-05-06T07:08:09.500") and found.n_unset == 1
