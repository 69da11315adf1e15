"""Folders are read as what they are: only what can be an animal is one, and an unclear layout is refused."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reidbench
from reidbench.data.sources.layouts import SubFolder, find_layout
from reidbench.errors import ReidbenchError


def lay_out(folder, *paths):
    """Draw a small photograph at each path, another one for each."""
    for number, path in enumerate(paths):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(target)
    return str(folder)


def animals(source, **options):
    return sorted(set(reidbench.load_dataset(source, **options).identity))


def test_train_and_test_are_parts_and_the_folders_in_them_animals(tmp_path):
    source = lay_out(tmp_path / "h", "train/ana/1.png", "train/bo/2.png", "Test/ana/3.png", "val/ana/4.png")
    images = reidbench.load_dataset(source)
    assert animals(source) == ["ana", "bo"]
    part = dict(zip(images.image_id, images.given.part, strict=True))
    assert part == {
        "train/ana/1.png": "train", "train/bo/2.png": "train", "Test/ana/3.png": "test", "val/ana/4.png": "val",
    }  # fmt: skip
    assert "folders: read as split/identity" in images.reading.lines()
    lay_out(tmp_path / "h", "Test/5.png")
    with pytest.raises(ReidbenchError, match="in a folder for each animal: 'Test'"):
        reidbench.load_dataset(source)
    assert reidbench.load_dataset(source, folders="split/identity").set_aside == 1


@pytest.mark.parametrize("names", [("training", "validation", "testing"), ("gallery", "query"), ("database", "query")])
def test_other_words_for_parts(tmp_path, names):
    source = lay_out(tmp_path / "h", *(f"{name}/{animal}/{name}.png" for name in names for animal in ("ana", "bo")))
    assert animals(source) == ["ana", "bo"]


def test_years_and_stations_hold_animals(tmp_path):
    years = lay_out(tmp_path / "y", "2019/ana/1.png", "2020/ana/2.png", "2020-21/bo/3.png")
    stations = lay_out(tmp_path / "s", "cam1/ana/1.png", "Station_B/ana/2.png", "site 03/bo/3.png")
    assert animals(years) == animals(stations) == ["ana", "bo"]
    read = [reidbench.load_dataset(source).reading.layout for source in (years, stations)]
    assert read == ["year/identity", "station/identity"]


def test_names_of_market_1501_hold_the_animal(tmp_path):
    source = lay_out(
        tmp_path / "m", "0002_c1s1_000451_03.jpg", "0002_c2s1_000301_01.jpg", "0007_c3s2_000001_00.jpg",
        "-1_c1s1_000401_03.jpg", "0000_c1s1_000401_03.jpg",
    )  # fmt: skip
    images = reidbench.load_dataset(source)
    assert list(images.identity) == ["0002", "0002", "0007"] and images.set_aside == 2
    lay_out(tmp_path / "m", "other.jpg")
    with pytest.raises(ReidbenchError, match="no sub-folder and 6 photographs") as caught:
        reidbench.load_dataset(source)
    assert "--folders market" in caught.value.remedy
    assert reidbench.load_dataset(source, folders="market").set_aside == 3


@pytest.mark.parametrize("name", ["metadata.csv", "Metadata.csv", "METADATA.CSV", "Metadata.CSV"])
def test_the_table_of_a_folder_is_found_in_any_case(tmp_path, name):
    source = lay_out(tmp_path / "h", "images/1.png", "masks/1.png", "thumbnails/1.png")
    (tmp_path / "h" / name).write_text("identity,path\nana,images/1.png\n", encoding="utf-8")
    assert animals(source) == ["ana"]


def test_several_tables_are_refused(tmp_path):
    source = lay_out(tmp_path / "h", "images/1.png")
    for name in ("Metadata.csv", "METADATA.csv"):
        (tmp_path / "h" / name).write_text("identity,path\nana,images/1.png\n", encoding="utf-8")
    if len(list(Path(source).glob("*.csv"))) == 1:
        pytest.skip("this file system does not tell upper from lower case")
    with pytest.raises(ReidbenchError, match="several tables: METADATA.csv, Metadata.csv"):
        reidbench.load_dataset(source)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (("images/1.png", "masks/1.png"), "hold no single animal: 'images', 'masks'"),
        (("ana/1.png", "bo/2.png", "thumbnails/3.png"), "hold no single animal: 'thumbnails'"),
        (("train/1.png", "test/2.png"), "named like parts of a split, but not all"),
        (("train/ana/1.png", "test/ana/2.png", "ana/3.png"), "'test', 'train' are named like parts of a split"),
        (("2019/1.png", "2020/2.png"), "named like years, but not all"),
        (("cam1/1.png", "cam2/2.png"), "named like camera stations, but not all"),
        (("north/ana/1.png", "south/ana/2.png", "south/bo/3.png"), r"folders of the same name \('ana'\)"),
        (("zebra/ana/1.png", "lion/bo/2.png"), r"all photographs are in folders within these folders, such as 'ana'"),
        (("data/ana/1.png", "data/bo/2.png"), r"all photographs are in folders within these folders"),
        (("100CANON/1.png", "101CANON/2.png"), "hold no single animal: '100CANON', '101CANON'"),
        (("DCIM/100_PANA/1.png",), "hold no single animal: 'DCIM'"),
        (("north/01_036/1.png", "south/01_036/2.png"), r"folders of the same name \('01_036'\)"),
    ],
)
def test_an_unclear_layout_is_refused_with_what_was_seen(tmp_path, paths, message):
    source = lay_out(tmp_path / "h", *paths)
    with pytest.raises(ReidbenchError, match=message) as caught:
        reidbench.load_dataset(source)
    assert "photographs" in caught.value.message and "--folders identity" in caught.value.remedy
    assert animals(source, folders="identity") == sorted({path.split("/")[0] for path in paths})


def test_folders_of_animals_may_hold_dates_sides_and_parts(tmp_path):
    source = lay_out(
        tmp_path / "h", "ana/2019/1.png", "ana/left/2.png", "bo/2019/3.png", "bo/left/4.png", "Val/2019-05-03/5.png"
    )
    with pytest.raises(ReidbenchError, match="'Val' are named like parts"):
        reidbench.load_dataset(source)
    Path(source, "Val").rename(Path(source, "Vala"))
    assert animals(source) == ["Vala", "ana", "bo"]


def test_one_animal_may_be_called_val(tmp_path):
    assert animals(lay_out(tmp_path / "h", "ana/1.png", "Val/2.png")) == ["Val", "ana"]


def test_the_folders_of_market_1501_bring_their_split(tmp_path):
    source = lay_out(
        tmp_path / "h", "bounding_box_train/0002_c1s1_000451_03.png", "bounding_box_test/0003_c1s1_000001_00.png",
        "bounding_box_test/-1_c1s1_000401_03.png", "bounding_box_test/0000_c1s1_000151_01.png",
        "query/0003_c2s1_000002_00.png", "gt_bbox/0003_c1s1_000001_00.png",
    )  # fmt: skip
    images = reidbench.load_dataset(source)
    parts = {
        path.split("/")[0]: (name, part)
        for path, name, part in zip(images.image_id, images.identity, images.given.part, strict=True)
    }
    assert parts == {
        "bounding_box_train": ("0002", "train"), "bounding_box_test": ("0003", "gallery"), "query": ("0003", "query"),
    }  # fmt: skip
    assert images.set_aside == 3  # -1, 0000 and the photograph of gt_bbox
    assert "folders: read as market" in images.reading.lines()


@pytest.mark.parametrize("name", ["0001_c2_f0046182", "0002_c002_00030600_0", "0002_c1s1_000451_03"])
def test_names_of_files_with_identity_and_camera_are_market(tmp_path, name):
    images = reidbench.load_dataset(lay_out(tmp_path / "h", f"{name}.png"))
    assert list(images.identity) == [name[:4]]


def test_groups_hold_animals_if_the_user_says_so(tmp_path):
    source = lay_out(tmp_path / "h", "zebra/ana/1.png", "Lion/bo/2.png")
    images = reidbench.load_dataset(source, folders="group/identity")
    assert dict(zip(images.identity, images.group, strict=True)) == {"ana": "zebra", "bo": "Lion"}


def test_system_folders_are_not_read_and_said(tmp_path):
    source = lay_out(tmp_path / "h", "ana/1.png", "bo/2.png", "bo/@eaDir/2.png", "__MACOSX/ana/3.png")
    images = reidbench.load_dataset(source)
    assert sorted(images.image_id) == ["ana/1.png", "bo/2.png"]
    assert "the system folder '__MACOSX' is not read" in images.note and "'bo/@eaDir' is not read" in images.note


def test_masks_in_the_folder_of_an_animal_are_said(tmp_path):
    images = reidbench.load_dataset(lay_out(tmp_path / "h", "ana/1.png", "ana/masks/1.png", "bo/2.png"))
    assert [line.partition(";")[0] for line in images.reading.remarks] == [
        "1 image in folders called 'masks' count as photographs of the animal"
    ]


def test_the_user_says_the_layout(tmp_path):
    source = lay_out(tmp_path / "h", "north/ana/1.png", "south/ana/2.png", "south/unknown/3.png")
    images = reidbench.load_dataset(source, folders="station/identity")
    assert set(images.identity) == {"ana"} and images.set_aside_words == {"unknown": 1}
    with pytest.raises(ReidbenchError, match="no layout of folders 'cam/identity'"):
        reidbench.load_dataset(source, folders="cam/identity")
    with pytest.raises(ReidbenchError, match="so --folders has no use"):
        reidbench.load_dataset("patterns", folders="identity")
    (tmp_path / "h" / "Metadata.csv").write_text("identity,path\nana,north/ana/1.png\n", encoding="utf-8")
    with pytest.raises(ReidbenchError, match=r"the folder has Metadata\.csv, so --folders has no use"):
        reidbench.load_dataset(source, folders="identity")


def test_one_folder_of_animals_is_no_reason_to_look_for_years():
    subs = [SubFolder(str(number), 3, ()) for number in (1998, 2003, 7)]
    assert find_layout(Path("herd"), [], subs) == "identity"


@pytest.fixture(scope="module")
def z72():
    """Return the first six photographs of twelve zebras, by name of the animal."""
    shared = Path(os.environ.get("REIDBENCH_SHARED", Path(__file__).parents[4] / "shared"))
    if not (shared / "data" / "zebra").is_dir():
        pytest.skip("the zebra photographs are not on this machine (REIDBENCH_SHARED)")
    zebra = shared / "data" / "zebra"
    photographs: dict[str, list[Path]] = {}
    with (zebra / "metadata.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            photographs.setdefault(row["identity"], []).append(zebra / row["path"])
    chosen = {name: paths[:6] for name, paths in photographs.items() if len(paths) >= 6}
    return dict(list(chosen.items())[:12])


def test_zebras_in_every_layout_are_the_same_animals_and_give_the_same_score(z72, tmp_path):
    patterns = {
        "plain": "{name}/{number}.jpg",
        "years": "{year}/{name}/{number}.jpg",
        "stations": "cam{camera}/{name}/{number}.jpg",
        "market": "{index:04d}_c1s1_{number:06d}_00.jpg",
    }
    read = {}
    for layout, pattern in patterns.items():
        for index, (name, paths) in enumerate(sorted(z72.items()), 1):
            for number, path in enumerate(paths):
                place = pattern.format(name=name, number=number, year=2019 + number % 3, camera=number % 4, index=index)
                target = tmp_path / layout / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(path)
        read[layout] = reidbench.load_dataset(str(tmp_path / layout))
    assert {len(images) for images in read.values()} == {72}
    assert {len(set(images.identity)) for images in read.values()} == {12}
    assert read["plain"].digest == read["years"].digest == read["stations"].digest
    plain, years = (
        reidbench.evaluate("color_histogram", read[layout], runs_dir=tmp_path / "runs" / layout)
        for layout in ("plain", "years")
    )
    assert plain.metrics["score"] == years.metrics["score"]
