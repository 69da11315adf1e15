"""Findings of an audit in small datasets, and the repaired split."""

import pytest

from reidbench.auditing.auditing import audit_images
from reidbench.auditing.findings import NEAR, SAME_BYTES, SAME_DAY, SAME_PIXELS, repaired
from reidbench.auditing.names import other_animals_in_file_names, same_name_variants, tokens, unidentified_names
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError

ROWS = [
    {"identity": "ana", "date": "2020-01-01"},  # 0, enrolled
    {"identity": "ana", "copy": "0", "date": "2020-03-01"},  # 1, the same file in the test
    {"identity": "ana", "date": "2020-02-01"},  # 2, calibration
    {"identity": "ana", "date": "2020-04-01"},  # 3, test
    {"identity": "bo", "date": "2020-01-01"},  # 4, enrolled
    {"identity": "bo", "date": "2020-01-01"},  # 5, the same day in calibration
    {"identity": "cy"},  # 6, new, test
    {"identity": "cy2", "copy": "6"},  # 7, the same animal under another name, calibration
    {"identity": "di", "size": (20, 90)},  # 8, tiny, unused
    {"identity": "di", "content": b"no image"},  # 9, unreadable, calibration
]
PARTS = [
    "gallery",
    "test",
    "calibration",
    "test",
    "gallery",
    "calibration",
    "test",
    "calibration",
    "unused",
    "calibration",
]


@pytest.fixture
def audited(album):
    images = album(ROWS)
    split = Split(tuple(images.table["image_id"]), tuple(PARTS), "file", None)
    return audit_images(images, split), split


def _pairs(audit, kind):
    return [(pair.left, pair.right) for pair in audit.pairs if pair.kind == kind]


def test_every_kind_of_pair_and_suspect_is_found_and_nothing_else(audited):
    audit, _ = audited
    assert _pairs(audit, SAME_BYTES) == [(0, 1), (6, 7)]
    assert _pairs(audit, SAME_PIXELS) == _pairs(audit, NEAR) == []
    assert _pairs(audit, SAME_DAY) == [(4, 5)]
    assert all(audit.crosses(pair) for pair in audit.pairs)
    assert [(suspect.kind, suspect.rows) for suspect in audit.suspects] == [
        ("unreadable", (9,)),
        ("tiny", (8,)),
        ("one photograph under two names", (6, 7)),
    ]
    assert audit.leaked().tolist() == [1, 5, 6, 7]
    assert audit.in_one_part() == {"calibration": 2, "test": 1}  # cy2, di; cy


def test_the_repaired_split_leaks_nothing_and_keeps_the_gallery(audited):
    audit, split = audited
    without_leaks = repaired(audit, split)
    assert without_leaks.parts == (
        "gallery", "unused", "calibration", "test", "gallery", "unused", "test", "unused", "unused", "unused",
    )  # fmt: skip
    assert len(audit.leaked(without_leaks)) == 0


def test_a_split_in_which_every_query_leaks_cannot_be_repaired(album):
    images = album([{"identity": "ana"}, {"identity": "ana", "copy": "0"}, {"identity": "ana", "copy": "0"}])
    split = Split(("i0", "i1", "i2"), ("gallery", "calibration", "test"), "file", None)
    with pytest.raises(ReidbenchError, match="no query of a known animal in calibration; it has 0 queries"):
        repaired(audit_images(images, split), split)


def test_checks_without_data_are_listed_with_the_reason(album):
    images = album([{"identity": "ana"}, {"identity": "ana"}, {"identity": "bo"}])
    split = Split(("i0", "i1", "i2"), ("gallery", "test", "calibration"), "file", None)
    assert dict(audit_images(images, split).not_checked) == {
        "near in embedding": "add --embedding RUN to compare the embeddings of a saved run",
        "same burst": "no photograph has a usable capture time (EXIF)",
        "same encounter": "no image has a date, a time or an encounter",
    }
    assert "no split" in audit_images(images).not_checked["same encounter"]
    dated = album([{"identity": "ana", "date": "2020-05-06", "taken": "2020:05:06 10:00:00"}, {"identity": "ana"}])
    audit = audit_images(dated, Split(("i0", "i1"), ("gallery", "test"), "file", None))
    assert set(audit.not_checked) == {"near in embedding"}
    assert "Same encounter: only 1 of 2 images have a date, a time or an encounter." in audit.notes


def test_images_of_equal_pixels_and_different_bytes_are_paired(album):
    png = album([{"identity": "ana"}]).image_path(0)
    from PIL import Image

    bitmap = png.with_suffix(".bmp")
    Image.open(png).save(bitmap)
    images = album([{"identity": "ana"}, {"identity": "ana", "content": bitmap.read_bytes(), "path": "again.bmp"}])
    audit = audit_images(images)
    assert _pairs(audit, SAME_PIXELS) == [(0, 1)] and len(audit.pairs) == 1


def test_two_boxes_of_one_file_are_two_animals_and_no_leak(album):
    images = album([
        {"identity": "ana", "bbox": (0.0, 0.0, 40.0, 90.0)},
        {"identity": "bo", "copy": "0", "bbox": (50.0, 0.0, 40.0, 90.0)},
    ])  # fmt: skip
    audit = audit_images(images)
    assert audit.pairs == () and [suspect.kind for suspect in audit.suspects] == ["two animals in one file"]


@pytest.mark.parametrize(
    ("text", "expected"), [("Lynx_007", ("lynx", "7")), ("lynx 7", ("lynx", "7")), ("1_1", ("1", "1")), ("11", ("11",))]
)
def test_a_name_is_split_into_words_and_numbers(text, expected):
    assert tokens(text) == expected


def test_audit_suspects_what_looks_like_a_word_and_nothing_else(album):
    doubtful = ["unknown 3", "ID?", "new", "new 2", "juvenile", "calf of Ana", "not identified"]
    names = ["ana", "Newton", "Kid", "Male Nr 7", "id 7", "New Moon"]
    images = album([{"identity": name} for name in (*doubtful, *names)])
    assert sorted(each.note.split("'")[1] for each in unidentified_names(images)) == sorted(doubtful)


def test_names_that_differ_in_case_and_zeros_are_suspects(album):
    images = album([{"identity": name} for name in ("Lynx_007", "lynx 7", "lynx_8", "1_1", "11")])
    assert [suspect.note for suspect in same_name_variants(images)] == ["'Lynx_007' and 'lynx 7'"]


def test_a_file_that_names_another_animal_is_a_suspect(album):
    images = album([
        {"identity": "zebra_12", "path": "zebra_12/IMG_13.png"},  # 13 alone is no name
        {"identity": "zebra_13", "path": "zebra_12_with_zebra_13.png"},
        {"identity": "zebra_12", "path": "zebra_12.png"},
        {"identity": "7", "path": "12_7.png"},
        {"identity": "12", "path": "7_12.png"},
    ])  # fmt: skip
    (suspect,) = other_animals_in_file_names(images)
    assert suspect.rows == (1,) and "its file name contains 'zebra_12'" in suspect.note
