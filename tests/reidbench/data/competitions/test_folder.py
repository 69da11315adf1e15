"""A competition's folder is read as it is unpacked, quirks and all."""

import pytest

from reidbench.data.competitions import COMPETITIONS, read_sample
from reidbench.errors import ReidbenchError
from reidbench.registry.datasets import load_dataset

CLEF = COMPETITIONS["AnimalCLEF2025"]
HEADER = "image_id,identity,path,date,orientation,species,split,dataset\n"


def test_the_database_is_the_dataset_and_the_queries_stand_beside_it(folder):
    images = load_dataset("AnimalCLEF2025", folder)
    assert (len(images), images.source, images.set_aside) == (315, "competition", 0)
    assert images.note.startswith("70 images are queries of the competition")
    assert set(images.table["group"]) == {"LynxID2025", "SalamanderID2025", "SeaTurtleID2022"}
    asked = images.given.asked
    assert len(asked) == 70 and asked.table["identity"].iloc[0] == f"unnamed:{asked.table['image_id'].iloc[0]}"
    assert not set(asked.table["image_id"]) & set(images.table["image_id"])


def test_a_query_that_names_its_animal_is_still_nobody(folder, tmp_path):
    (tmp_path / "images").symlink_to(folder / "images")
    lines = (folder / "metadata.csv").read_text().splitlines()
    told = [line.replace(",,", ",LynxID2025_lynx_0,", 1) if ",query," in line else line for line in lines]
    (tmp_path / "metadata.csv").write_text("\n".join(told) + "\n")
    asked = load_dataset("AnimalCLEF2025", tmp_path).given.asked
    assert asked.table["identity"].str.startswith("unnamed:").all()


def test_taking_rows_takes_their_parts_too(folder):
    images = load_dataset("AnimalCLEF2025", folder)
    few = images.take([5, 2])
    assert few.given.part.tolist() == ["database", "database"] and few.given.asked is images.given.asked


def test_another_edition_is_told_apart(folder):
    with pytest.raises(ReidbenchError, match="in AnimalCLEF2026 it contains train or test"):
        load_dataset("AnimalCLEF2026", folder)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "no metadata.csv"),
        ("image_id,identity\n1,a\n", "no column path and no column split and no column dataset"),
        (HEADER + "1,a,none.jpg,,,,database,Lynx\n", "1 of 1 image files are missing"),
    ],
)
def test_a_folder_that_is_no_competitions_says_so(tmp_path, table, message):
    if table is not None:
        (tmp_path / "metadata.csv").write_text(table)
    with pytest.raises(ReidbenchError, match=message):
        load_dataset("AnimalCLEF2025", tmp_path)


def test_the_sample_gives_the_order(folder, tmp_path):
    order = read_sample(CLEF, folder)
    assert len(order) == 70 and sorted(order, key=int) == order
    with pytest.raises(ReidbenchError, match="no sample_submission.csv"):
        read_sample(CLEF, tmp_path)
    (tmp_path / "sample_submission.csv").write_text("image_id,cluster\n1,x\n")
    with pytest.raises(ReidbenchError, match="image_id, cluster, not image_id, identity"):
        read_sample(CLEF, tmp_path)
