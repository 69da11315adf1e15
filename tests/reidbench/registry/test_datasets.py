import datetime
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from reidbench.data.sources.cells import bounding_box, moment, text
from reidbench.errors import ReidbenchError
from reidbench.registry.datasets import dataset_names, load_dataset


def _image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "c.png", "d.png"):
        _image(tmp_path / "catalogue" / name)
    return tmp_path / "catalogue"


def _csv(folder, text, name="metadata.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_csv_with_two_columns_is_enough(folder):
    images = load_dataset(_csv(folder, "identity,path\nana,a.png\nbo,b.png\n"))
    assert images.name == "catalogue" and images.source == "file"
    assert images.table.iloc[0].to_dict() == {
        "image_id": "a.png", "identity": "ana", "path": "a.png", "group": "all",
        "date": "", "orientation": "", "encounter": "", "bbox": None,
    }  # fmt: skip


def test_text_stays_as_written(folder):
    images = load_dataset(_csv(folder, "image_id,identity,path\n007,None a,a.png\n01,1.50,b.png\n"))
    assert list(images.table["image_id"]) == ["007", "01"]
    assert list(images.table["identity"]) == ["None a", "1.50"]


def test_group_is_the_dataset_even_where_species_is_empty(folder):
    rows = "identity,path,species,dataset\nana,a.png,,Salamander\nbo,b.png,lynx,Lynx\n"
    assert list(load_dataset(_csv(folder, rows)).table["group"]) == ["Salamander", "Lynx"]
    rows = "identity,path,species\nana,a.png,lynx\nbo,b.png,\n"
    assert list(load_dataset(_csv(folder, rows)).table["group"]) == ["lynx", "all"]


def test_rows_without_identity_are_counted_and_rows_keep_their_line(folder):
    rows = 'identity,path,date\n,a.png,\nunknown,b.png,\n\nnan,c.png,\nana,d.png,"soon"\n'
    with pytest.raises(ReidbenchError, match="'soon'") as caught:
        load_dataset(_csv(folder, rows))
    assert caught.value.where.endswith("metadata.csv, row 6")
    assert load_dataset(_csv(folder, rows.replace("soon", ""))).set_aside == 3


def test_year_alone_counts_as_no_date_and_is_told(folder):
    images = load_dataset(_csv(folder, "identity,path,date\nana,a.png,2019\nana,b.png,2019-05-03 10:00\n"))
    assert list(images.table["date"]) == ["", "2019-05-03T10:00:00"] and images.date.tolist() == ["", "2019-05-03"]
    assert images.reading.remarks[0] == "1 date without a day, such as a year alone, read as no date"


def test_missing_column_names_those_found(folder):
    with pytest.raises(ReidbenchError, match="no column identity; its columns: id, path"):
        load_dataset(_csv(folder, "id,path\n1,a.png\n"))


def test_ragged_row_names_its_line(folder):
    with pytest.raises(ReidbenchError, match="3 cells") as caught:
        load_dataset(_csv(folder, "identity,path\nana,a.png\nbo,b.png,x\n"))
    assert caught.value.where.endswith("row 3")


def test_root_moves_the_paths(folder, tmp_path):
    table = _csv(tmp_path, "identity,path\nana,a.png\n", "herd.csv")
    with pytest.raises(ReidbenchError, match="1 of 1 image files are missing"):
        load_dataset(table)
    images = load_dataset(table, folder)
    assert images.name == "herd" and images.image_path(0) == folder / "a.png"


def test_parquet_reads_numbers_dates_and_boxes(folder):
    pytest.importorskip("pyarrow")
    pd.DataFrame(
        {
            "image_id": [1, 2, 3],
            "identity": [12.0, 13.0, None],
            "path": ["a.png", "b.png", "c.png"],
            "date": pd.to_datetime(["2019-05-03 12:00", None, None]),
            "bbox": [[1, 2, 1, 1], None, None],
        }
    ).to_parquet(folder / "herd.parquet")
    images = load_dataset(str(folder / "herd.parquet"))
    assert list(images.table["image_id"]) == ["1", "2"] and list(images.table["identity"]) == ["12", "13"]
    assert list(images.table["date"]) == ["2019-05-03T12:00:00", ""]
    assert images.table["bbox"][0] == (1.0, 2.0, 1.0, 1.0) and images.table["bbox"][1] is None
    assert images.set_aside == 1


def test_folder_has_one_identity_in_each_sub_folder(tmp_path):
    for name in ("ana/1.jpg", "ana/2019/deep/2.JPG", "bo/1.png", "unknown/9.png", "loose.png"):
        _image(tmp_path / "herd" / name)
    (tmp_path / "herd" / "ana" / "notes.txt").write_text("x")
    images = load_dataset(str(tmp_path / "herd"))
    assert list(images.table["image_id"]) == ["ana/1.jpg", "ana/2019/deep/2.JPG", "bo/1.png"]
    assert list(images.table["identity"]) == ["ana", "ana", "bo"]
    assert images.set_aside == 2 and images.source == "folder"


def test_empty_folders_are_errors(tmp_path):
    (tmp_path / "herd").mkdir()
    with pytest.raises(ReidbenchError, match="no sub-folder"):
        load_dataset(str(tmp_path / "herd"))
    (tmp_path / "herd" / "ana").mkdir()
    with pytest.raises(ReidbenchError, match="'ana' contains no image") as caught:
        load_dataset(str(tmp_path / "herd"))
    assert caught.value.where == str(tmp_path / "herd" / "ana")


def test_folder_with_a_table_is_read_by_the_table(folder):
    _csv(folder, "identity,path\nana,a.png\n")
    assert list(load_dataset(str(folder)).table["identity"]) == ["ana"]


def test_unknown_name_offers_the_nearest():
    with pytest.raises(ReidbenchError) as caught:
        load_dataset("AnimalCLEF2O25")
    assert "did you mean 'AnimalCLEF202" in caught.value.remedy
    with pytest.raises(ReidbenchError) as caught:
        load_dataset("paterns")
    assert "did you mean 'patterns'?" in caught.value.remedy


def test_names_begin_with_the_built_in_one():
    names = dataset_names()
    assert names[0][:2] == ("patterns", "built-in")
    assert {"AnimalCLEF2025", "WildlifeReID10k"} <= {name for name, kind, _ in names if kind == "wildlife-datasets"}
    assert not any(name.startswith("Download") for name, _, _ in names)


def test_class_of_wildlife_datasets_needs_a_root():
    with pytest.raises(ReidbenchError) as caught:
        load_dataset("AnimalCLEF2025")
    assert "--root" in caught.value.remedy


def test_class_of_wildlife_datasets_reads_and_reports_missing_files(tmp_path, capsys):
    rows = ["identity,path,date,orientation,species,split,dataset"]
    for index in range(8):
        identity = f"L_{index % 2}" if index < 6 else ""
        rows.append(f"{identity},images/{index}.png,2020-01-0{index + 1},left,,database,Lynx")
        _image(tmp_path / f"images/{index}.png")
    _csv(tmp_path, "\n".join(rows) + "\n")
    images = load_dataset("WildlifeReID10k", tmp_path)
    assert len(images) == 6 and images.set_aside == 2 and images.name == "WildlifeReID10k"
    assert images.table.iloc[1].to_dict() == {
        "image_id": "1", "identity": "L_1", "path": "images/1.png", "group": "Lynx",
        "date": "2020-01-02", "orientation": "left", "encounter": "", "bbox": None,
    }  # fmt: skip
    for index in range(7):
        (tmp_path / f"images/{index}.png").unlink()
    with pytest.raises(ReidbenchError, match="7 image files of WildlifeReID10k are missing") as caught:
        load_dataset("WildlifeReID10k", tmp_path)
    assert "images/4.png" in caught.value.message and "images/5.png" not in caught.value.message
    assert capsys.readouterr().out == ""


def test_built_in_set_is_drawn_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path))
    images = load_dataset("patterns:identities=4,size=32")
    assert images.source == "built-in" and images.table["identity"].nunique() == 4
    assert "drawn" in images.note


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2019-05-03", "2019-05-03"),
        ("2019:05:03 12:00:00", "2019-05-03T12:00:00"),
        ("2019-5-3T23:59:59Z", "2019-05-03T23:59:59"),
        ("2019-05-03 00:00:00", "2019-05-03"),
        (20190503, "2019-05-03"),
        (datetime.date(2019, 5, 3), "2019-05-03"),
        (pd.Timestamp("2019-05-03 12:00"), "2019-05-03T12:00:00"),
        (pd.Timestamp("2019-05-03"), "2019-05-03"),
        (float("nan"), ""),
        ("NaT", ""),
        ("2019-05", None),
        (2019.0, None),
        ("2019-13-03", "2019-13-03"),
        ("03/04/2019", "03/04/2019"),
    ],
)
def test_dates_are_read_with_their_time(given, expected):
    assert moment(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("[1, 2, 3, 4]", (1, 2, 3, 4)),
        ("1 2.5 3 4", (1, 2.5, 3, 4)),
        ([1, 2, 3, 4], (1, 2, 3, 4)),
        ("", None),
        (None, None),
        ([float("nan")] * 4, None),
        ("box", "box"),
        (3, 3),
    ],
)
def test_boxes_are_read(given, expected):
    assert bounding_box(given) == expected


def test_mixed_column_is_left_for_the_image_set_to_refuse():
    assert text([1, None, 2]) == ["1", "", "2"]
    assert text([1, "a"]) == [1, "a"]


def test_import_loads_no_torch_and_no_wildlife_datasets():
    code = (
        "import sys, reidbench.registry.datasets, reidbench.data.splits, reidbench.data.decoding\n"
        "reidbench.registry.datasets.dataset_names()\n"
        "assert not {'torch', 'wildlife_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_real_catalogue_reads():
    shared = Path(os.environ.get("REIDBENCH_SHARED", Path(__file__).parents[4] / "shared"))
    if not (shared / "data" / "zebra").is_dir():
        pytest.skip("the zebra photographs are not on this machine (REIDBENCH_SHARED)")
    images = load_dataset(str(shared / "data" / "zebra" / "metadata.csv"))
    assert (images.name, len(images), images.table["identity"].nunique()) == ("zebra", 362, 35)
    assert set(images.table["group"]) == {"plains_zebra"} and set(images.table["date"]) == {""}
