from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.data.image_checks import Origin
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError

_FROM = "relative paths start from {}; name another folder with --root"


@pytest.fixture
def table(tmp_path):
    for name in ("0.png", "1.png", "2.png"):
        (tmp_path / name).write_bytes(name.encode())
    return pd.DataFrame(
        {
            "image_id": ["i0", "i1", "i2"],
            "identity": ["ana", "ana", "bo"],
            "path": ["0.png", "1.png", "2.png"],
            "group": "zebra",
            "date": ["2020-01-01", "", "2020-01-02"],
            "orientation": "",
            "bbox": [None, (0.0, 0.0, 4.0, 4.0), None],
        }
    )


def _with(table, column, values):
    return table.assign(**{column: pd.Series(values, dtype=object)})


def _refused(table, root, match):
    with pytest.raises(ReidbenchError, match=match) as caught:
        ImageSet("set", root, table, origin=Origin("animals.csv", np.array([2, 3, 4])))
    assert caught.value.where.startswith("animals.csv")
    assert caught.value.remedy
    return caught.value


def test_taking_keeps_order_and_paths(table, tmp_path):
    images = ImageSet("set", tmp_path, table)
    taken = images.take([2, 0])
    assert list(taken.table["image_id"]) == ["i2", "i0"]
    assert list(taken.table.index) == [0, 1]
    assert taken.image_path(0) == tmp_path / "2.png"
    assert images.table["bbox"][1] == (0.0, 0.0, 4.0, 4.0) and images.table["bbox"][0] is None


def test_same_day_is_one_encounter_and_no_date_is_its_own(table, tmp_path):
    images = ImageSet("set", tmp_path, _with(table, "date", ["2020-01-01", "2020-01-01", ""]))
    first, second, third = images.encounter
    assert first == second != third
    undated = ImageSet("set", tmp_path, _with(table, "date", ["", "", ""]))
    assert len(set(undated.encounter)) == 3
    others = ImageSet("set", tmp_path, _with(_with(table, "identity", ["a", "b", "c"]), "date", ["2020-01-01"] * 3))
    assert len(set(others.encounter)) == 3


def test_columns_are_read_only_arrays_made_once(table, tmp_path):
    images = ImageSet("set", tmp_path, table)
    for name in ("image_id", "identity", "group", "date", "encounter"):
        column = getattr(images, name)
        if name != "encounter":
            assert column.tolist() == images.table[name].tolist()
        assert getattr(images, name) is column
        with pytest.raises(ValueError, match="read-only"):
            column[0] = "other"
    assert images.take([2, 0]).image_id.tolist() == ["i2", "i0"]


def test_table_given_is_not_changed(table, tmp_path):
    before = table.copy(deep=True)
    ImageSet("set", tmp_path, table)
    pd.testing.assert_frame_equal(table, before)


def test_repeated_id_names_its_row(table, tmp_path):
    error = _refused(_with(table, "image_id", ["i0", "i1", "i0"]), tmp_path, "'i0' is used twice")
    assert error.where == "animals.csv, row 4" and "row 2" in error.message


def test_a_repeated_path_of_a_table_without_ids_is_called_a_path(table, tmp_path):
    error = _refused(
        table.assign(image_id=["0.png", "1.png", "0.png"], path=["0.png", "1.png", "0.png"]), tmp_path, "path"
    )
    assert error.message == "path '0.png' is used twice, first at animals.csv, row 2"
    assert error.remedy.startswith("keep one row of each photograph")


def test_an_empty_path_of_a_table_without_ids_is_called_a_path(table, tmp_path):
    error = _refused(table.assign(image_id=["0.png", "", "2.png"], path=["0.png", "", "2.png"]), tmp_path, "path")
    assert error.message == "1 row has an empty path" and error.where == "animals.csv, row 3"
    assert "image_id" not in error.remedy


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("img\\a\\0.jpg", "img/a/0.jpg"),
        ("IMG/a/0.JPG", "img/a/0.jpg"),
        ("img/a/0.jpeg", "img/a/0.jpg"),
        ("img/a/2.jpg", ""),
        ("img/a/1.jpeg", ""),  # 1.jpg and 1.png are both near
        ("img/a", ""),
    ],
)
def test_the_error_for_a_missing_file_names_the_only_near_file(table, tmp_path, written, near):
    (tmp_path / "img" / "a").mkdir(parents=True)
    for name in ("0.jpg", "1.jpg", "1.png", "0.txt"):
        (tmp_path / "img" / "a" / name).write_bytes(b"")
    error = _refused(_with(table, "path", [written, "1.png", "2.png"]), tmp_path, "1 of 3 image files are missing")
    assert error.remedy == (f"write the path as the file is called: '{near}'" if near else _FROM.format(tmp_path))


def test_missing_files_are_counted_and_five_are_named(table, tmp_path):
    many = pd.concat([table.iloc[[0]]] * 7, ignore_index=True)
    many["image_id"] = [f"i{index}" for index in range(7)]
    many["path"] = [f"gone{index}.png" for index in range(7)]
    with pytest.raises(ReidbenchError, match="7 of 7") as caught:
        ImageSet("set", tmp_path, many)
    assert "gone4.png" in caught.value.message and "gone5.png" not in caught.value.message


def test_empty_identity_is_refused(table, tmp_path):
    assert _refused(_with(table, "identity", ["ana", "", "bo"]), tmp_path, "empty identity").where.endswith("row 3")


def test_the_word_for_new_animals_is_no_identity(table, tmp_path):
    error = _refused(_with(table, "identity", ["ana", "ana", NEW_IDENTITY]), tmp_path, NEW_IDENTITY)
    assert error.where.endswith("row 4")


@pytest.mark.parametrize("date", ["3 May", "2020-02-30", "03/04/2019"])
def test_unreadable_date_names_its_row(table, tmp_path, date):
    assert _refused(_with(table, "date", ["", "", date]), tmp_path, "cannot be read").where.endswith("row 4")


def test_numbers_among_text_are_refused(table, tmp_path):
    error = _refused(_with(table, "image_id", ["i0", 1, "i2"]), tmp_path, "mixes int and str")
    assert error.where.endswith("row 3")


def test_identity_in_two_groups_offers_a_prefix(table, tmp_path):
    error = _refused(_with(table, "group", ["zebra", "lynx", "lynx"]), tmp_path, "two groups")
    assert error.where.endswith("row 3") and "zebra_ana" in error.remedy and "lynx_ana" in error.remedy


@pytest.mark.parametrize("box", ["x", (1.0, 2.0, 3.0), (0.0, 0.0, 0.0, 5.0), (0.0, 0.0, float("nan"), 5.0)])
def test_bad_box_is_refused(table, tmp_path, box):
    boxes = pd.Series([None, None, None], dtype=object)
    boxes[1] = box
    assert _refused(table.assign(bbox=boxes), tmp_path, "is not a box").where.endswith("row 3")


def test_missing_column_and_empty_set_are_refused(table, tmp_path):
    _refused(table.drop(columns="group"), tmp_path, "lacks group")
    with pytest.raises(ReidbenchError, match="no image with an identity"):
        ImageSet("set", tmp_path, table.iloc[:0])


def test_digest_depends_on_bytes_and_table_not_on_place(table, tmp_path):
    digest = ImageSet("set", tmp_path, table).digest
    elsewhere = tmp_path / "copy"
    elsewhere.mkdir()
    for name in table["path"]:
        (elsewhere / name).write_bytes((tmp_path / name).read_bytes())
    absolute = table.assign(path=[str(elsewhere / name) for name in table["path"]])
    assert ImageSet("other", Path("/"), absolute).digest == digest
    assert ImageSet("set", tmp_path, _with(table, "date", ["", "", ""])).digest != digest
    (tmp_path / "0.png").write_bytes(b"changed")
    assert ImageSet("set", tmp_path, table).digest != digest
