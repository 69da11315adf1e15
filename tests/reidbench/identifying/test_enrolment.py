"""Reviewed photographs join the gallery, the next identification finds them, and contradictions are errors."""

import csv
import hashlib
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.identifying.answering import identify
from reidbench.identifying.decided_names import NameChoices
from reidbench.identifying.decisions import read_decisions
from reidbench.identifying.enrolment import enrol_decisions, read_gallery, write_enlarged_dataset
from reidbench.identifying.new_photographs import read_photographs
from reidbench.progress import Progress
from reidbench.registry.datasets import load_dataset


def decide(path, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "decision", "identity", "sha256"))
        writer.writerows((*row, "")[:4] for row in rows)
    return path


def write_enlarged(field, decisions, output, photographs=None, gallery=None):
    return enrol_decisions(
        decisions,
        photographs or field.photographs,
        str(field.record.path),
        dataset=str(field.catalogue),
        gallery=gallery,
        output=output,
    )


@pytest.fixture
def names(field):
    known = [name for name, identity in field.truth.items() if identity]
    return known, [name for name, identity in field.truth.items() if not identity]


def test_the_next_identification_finds_enrolled_photographs(field, names, tmp_path):
    known, new = names
    before = field.catalogue.read_bytes()
    decisions = decide(
        tmp_path / "decisions.csv",
        (known[0], "accept", field.truth[known[0]]),
        (new[0], "new", "Tove"),
        (new[1], "reject", ""),
    )
    written = write_enlarged(field, decisions, tmp_path / "enlarged.csv")
    assert (written.n_photograph, written.n_new, written.n_rejected) == (2, 1, 1)
    assert field.catalogue.read_bytes() == before
    result = identify(
        field.photographs,
        field.record,
        dataset=str(field.catalogue),
        gallery=written.path,
        progress=Progress(),
        device="cpu",
    )
    predictions = {each.image_id: each for each in result.found}
    assert predictions[new[0]].answer == "Tove"  # this photograph itself is enrolled now
    assert predictions[known[0]].candidates[0].image_id == known[0]
    assert "2 photographs were enrolled after the run" in result.notes


def test_an_enlarged_dataset_can_be_enlarged_again(field, names, tmp_path):
    _, new = names
    first = write_enlarged(field, decide(tmp_path / "1.csv", (new[0], "new", "Tove")), tmp_path / "e1.csv").path
    decisions = decide(tmp_path / "2.csv", (new[1], "accept", "Tove"))
    second = write_enlarged(field, decisions, tmp_path / "e2.csv", gallery=first)
    rows = list(csv.DictReader(second.path.open(encoding="utf-8")))
    assert [row["image_id"] for row in rows if row["enrolled"]] == [new[0], new[1]]
    assert {row["identity"] for row in rows if row["enrolled"]} == {"Tove"}


def test_contradictions_are_errors_and_nothing_is_written(field, names, tmp_path):
    known, new = names
    folder = tmp_path / "photographs"
    shutil.copytree(field.photographs, folder)
    shutil.copy(folder / new[0], folder / "copy.jpg")
    with field.catalogue.open(encoding="utf-8") as file:
        enrolled = next(csv.DictReader(file))
    shutil.copy(enrolled["path"], folder / "old.jpg")
    right = field.truth[known[0]]
    for rows, message in (
        ([("IMG_9.jpg", "accept", right)], "no photograph 'IMG_9.jpg'"),
        ([(known[0], "accept", right), (known[0], "reject", "")], "two decisions on '.*' differ: accept .*, reject"),
        ([(known[0], "accept", "Sven")], "no such animal is enrolled"),
        ([(new[0], "new", right)], f"'{right}' is already enrolled"),
        ([(new[0], "new", "")], "no animal is named"),
        ([(new[0], "new", "new_individual")], "no animal is named"),
        ([(new[0], "maybe", "Tove")], "unknown decision 'maybe'"),
        ([(new[0], "new", "Tove"), ("copy.jpg", "new", "Rune")], "the same bytes as 'IMG"),
        ([("old.jpg", "accept", right)], "which is already in the dataset"),
        ([(new[0], "new", "Tove", "0" * 64)], "has changed since the decision"),
        ([(new[0], "reject", "")], "nothing to enrol"),
        ([], "has no decision"),
    ):
        with pytest.raises(ReidbenchError, match=message) as caught:
            write_enlarged(field, decide(tmp_path / "d.csv", *rows), tmp_path / "out.csv", folder)
        assert caught.value.where and caught.value.remedy
        assert not (tmp_path / "out.csv").exists()


def test_a_decision_with_the_digest_of_the_file_is_accepted(field, names, tmp_path):
    _, new = names
    digest = hashlib.sha256((field.photographs / new[0]).read_bytes()).hexdigest()
    written = write_enlarged(field, decide(tmp_path / "d.csv", (new[0], "new", "Tove", digest)), tmp_path / "out.csv")
    assert written.n_photograph == 1


def test_an_existing_table_is_never_overwritten(field, names, tmp_path):
    _, new = names
    decisions = decide(tmp_path / "d.csv", (new[0], "new", "Tove"))
    with pytest.raises(ReidbenchError, match="existing tables are never overwritten"):
        write_enlarged(field, decisions, field.catalogue)


TABLE = """Sex,identity,path,species,Side,camera
F,S09_161,img/0.png,seal,left,c 1
M,007,img/1.png,seal,right,"c,2"
,unknown,img/2.png,seal,left,c3
F, ,img/3.png,,,
,Bård ,img/4.png,,left,c5
"""


@pytest.fixture
def herd(tmp_path):
    """Write a table with columns and unnamed rows of a user, and three new photographs; return the folder."""
    (tmp_path / "herd" / "img").mkdir(parents=True)
    (tmp_path / "new").mkdir()
    for row in range(5):
        Image.new("RGB", (40, 40), (row, 0, 0)).save(tmp_path / "herd" / "img" / f"{row}.png")
    for row in range(3):
        Image.new("RGB", (40, 40), (0, row, 9)).save(tmp_path / "new" / f"n{row}.png")
    (tmp_path / "herd" / "table.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path


def enrol_seals(folder, *rows, table="herd/table.csv", gallery=None, output="out/enlarged.csv", **choices):
    """Enrol the decisions, and return the path of the enlarged table."""
    images = load_dataset(str(folder / table))
    before = None if gallery is None else read_gallery(gallery, images)
    photographs = read_photographs(folder / "new", sorted(set(images.group)), "seal").images
    decisions = read_decisions(decide(folder / "decisions.csv", *rows))
    (folder / "out").mkdir(exist_ok=True)
    return write_enlarged_dataset(decisions, photographs, images, before, folder / output, NameChoices(**choices)).path


def table_of(path):
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_the_enlarged_table_keeps_every_row_and_column(herd):
    path = enrol_seals(herd, ("n0.png", "new", "Tove"), ("n1.png", "accept", "007"))
    rows = table_of(path)
    assert list(rows[0]) == ["Sex", "identity", "path", "species", "Side", "camera", "image_id", "enrolled"]
    assert [(row["Sex"], row["Side"], row["camera"]) for row in rows] == [
        ("F", "left", "c 1"), ("M", "right", "c,2"), ("", "left", "c3"), ("F", "", ""), ("", "left", "c5"),
        ("", "", ""), ("", "", ""),
    ]  # fmt: skip
    assert [row["identity"] for row in rows] == ["S09_161", "007", "unknown", " ", "Bård", "Tove", "007"]
    assert [row["path"] for row in rows[:5]] == [f"../herd/img/{row}.png" for row in range(5)]
    assert [row["path"] for row in rows[5:]] == ["../new/n0.png", "../new/n1.png"]


def test_the_enlarged_table_reads_back_as_the_same_images(herd):
    before = load_dataset(str(herd / "herd" / "table.csv"))
    after = load_dataset(str(enrol_seals(herd, ("n0.png", "new", "Tove"))))
    for column in ("image_id", "identity", "group", "date", "orientation"):
        assert list(after.table[column][:-1]) == list(before.table[column])
    assert after.file_hashes()[:-1] == before.file_hashes()
    assert after.identity[-1] == "Tove" and after.set_aside_words == before.set_aside_words == {"": 1, "unknown": 1}


def test_a_moved_folder_with_its_enlarged_table_still_reads(herd):
    enrol_seals(herd, ("n0.png", "new", "Tove"))
    moved = herd.with_name(herd.name + " moved")
    herd.rename(moved)
    assert len(load_dataset(str(moved / "out" / "enlarged.csv"))) == 4


def test_enlarging_twice_keeps_every_row_once(herd):
    first = enrol_seals(herd, ("n0.png", "new", "Tove"))
    second = enrol_seals(herd, ("n1.png", "accept", "Tove"), gallery=first, output="out/second.csv")
    rows = table_of(second)
    assert len(rows) == 7 and [row["Side"] for row in rows[:5]] == ["left", "right", "left", "", "left"]
    assert [row["image_id"] for row in rows if row["enrolled"]] == ["n0.png", "n1.png"]


def test_a_parquet_table_keeps_its_columns_too(herd):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({
        "identity": ["S09_161", None], "path": ["img/0.png", "img/1.png"], "age": [3.0, None],
        "bbox": [[1, 2, 30, 20], None],
    })  # fmt: skip
    frame.to_parquet(herd / "herd" / "table.parquet")
    images = load_dataset(str(herd / "herd" / "table.parquet"))
    photographs = read_photographs(herd / "new", sorted(set(images.group))).images
    decisions = read_decisions(decide(herd / "decisions.csv", ("n0.png", "new", "Tove")))
    (herd / "out").mkdir()
    path = write_enlarged_dataset(decisions, photographs, images, None, herd / "out" / "e.csv").path
    assert [(row["identity"], row["age"], row["bbox"]) for row in table_of(path)] == [
        ("S09_161", "3", "[1, 2, 30, 20]"), ("", "", ""), ("Tove", "", ""),
    ]  # fmt: skip
    assert load_dataset(str(path)).table["bbox"][0] == (1.0, 2.0, 30.0, 20.0)


def test_a_dataset_of_folders_gets_a_table_with_relative_paths(herd):
    for name in ("ana/1.png", "bo/1.png"):
        (herd / "folders" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (9, 9, len(name))).save(herd / "folders" / name)
    images = load_dataset(str(herd / "folders"))
    photographs = read_photographs(herd / "new", sorted(set(images.group))).images
    decisions = read_decisions(decide(herd / "decisions.csv", ("n0.png", "accept", "ana")))
    path = write_enlarged_dataset(decisions, photographs, images, None, herd / "e.csv").path
    assert [row["path"] for row in table_of(path)] == ["folders/ana/1.png", "folders/bo/1.png", "new/n0.png"]
    assert list(load_dataset(str(path)).identity) == ["ana", "bo", "ana"]


@pytest.mark.parametrize("name", ["unknown", "NA", "No ID", "?", "--"])
def test_a_name_that_would_not_read_back_is_refused(herd, name):
    with pytest.raises(ReidbenchError, match="read as a photograph of an unidentified animal"):
        enrol_seals(herd, ("n0.png", "new", name))
    assert not (herd / "out" / "enlarged.csv").exists()


@pytest.mark.parametrize("name", ["  ", " ", "​", "New Individual"])
def test_blanks_and_the_word_for_a_new_animal_are_no_names(herd, name):
    with pytest.raises(ReidbenchError, match="no animal is named"):
        enrol_seals(herd, ("n0.png", "new", name))


def test_all_unreadable_names_are_in_one_message(herd):
    with pytest.raises(ReidbenchError, match=r"'unknown', '\?':"):
        enrol_seals(herd, ("n0.png", "new", "unknown"), ("n1.png", "new", "?"))


@pytest.mark.parametrize(
    ("name", "other"), [("s09_161", "S09_161"), ("S9-161", "S09_161"), ("7", "007"), ("bård", "Bård")]
)
def test_a_near_equal_name_is_an_error_that_names_both(herd, name, other):
    with pytest.raises(ReidbenchError, match=f"'{name}' and '{other}'") as caught:
        enrol_seals(herd, ("n0.png", "new", name))
    assert f"--same {name}={other}" in caught.value.remedy and f"--new {name}" in caught.value.remedy


def test_two_near_equal_new_names_are_an_error_too(herd):
    rows = ("n0.png", "new", "Tove"), ("n1.png", "new", "tove")
    with pytest.raises(ReidbenchError, match="'tove' and 'Tove'"):
        enrol_seals(herd, *rows)
    assert [row["identity"] for row in table_of(enrol_seals(herd, *rows, same=["tove=Tove"]))][-2:] == ["Tove", "Tove"]


def test_same_enrols_under_the_other_name_and_new_as_a_new_animal(herd):
    rows = ("n0.png", "new", "s09_161"), ("n1.png", "new", "7")
    path = enrol_seals(herd, *rows, same=["s09_161=S09_161"], new=["7"])
    assert [row["identity"] for row in table_of(path)][-2:] == ["S09_161", "7"]


def test_a_question_decides_about_a_near_equal_name(herd):
    questions = []

    def ask(name, other):
        questions.append((name, other))
        return name == "s09_161"

    path = enrol_seals(herd, ("n0.png", "new", "s09_161"), ("n1.png", "new", "7"), ask=ask)
    assert questions == [("7", "007"), ("s09_161", "S09_161")]
    assert [row["identity"] for row in table_of(path)][-2:] == ["S09_161", "7"]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"same": ["Tove"]}, "is not NAME=NAME"),
        ({"same": ["Sven=007"]}, "is not NAME=NAME"),
        ({"same": ["Tove=Sven"]}, "is not NAME=NAME"),
        ({"new": ["Sven"]}, "no decision names 'Sven'"),
        ({"new": ["Tove"], "same": ["Tove=007"]}, "both as a new animal"),
    ],
)
def test_choices_that_do_not_fit_the_decisions_are_errors(herd, choices, message):
    with pytest.raises(ReidbenchError, match=message):
        enrol_seals(herd, ("n0.png", "new", "Tove"), **choices)


def test_same_and_new_need_enroll():
    done = CliRunner().invoke(app, ["identify", "new", "--run", "x", "--same", "a=b"])
    assert isinstance(done.exception, ReidbenchError) and "--enroll" in done.exception.remedy


def test_options_of_the_command_reach_the_enrolment(field, names, tmp_path):
    _, new = names
    with field.catalogue.open(encoding="utf-8") as file:
        enrolled = next(csv.DictReader(file))["identity"]
    decisions = decide(tmp_path / "d.csv", (new[0], "new", enrolled.upper()))
    run, dataset = str(field.record.path), str(field.catalogue)
    command = ["identify", str(field.photographs), "--run", run, "--dataset", dataset, "--enroll", str(decisions)]
    output = tmp_path / "e.csv"
    done = CliRunner().invoke(app, [*command, "-o", str(output)])
    assert "nearly equal" in str(done.exception)
    CliRunner().invoke(
        app, [*command, "-o", str(output), "--same", f"{enrolled.upper()}={enrolled}"], catch_exceptions=False
    )
    last = table_of(output)[-1]
    assert last["identity"] == enrolled and not Path(last["path"]).is_absolute()
    assert (Path(tmp_path) / last["path"]).is_file()


def test_enlarging_keeps_the_users_names_of_columns(herd):
    table = "Code,File,Side,identity\nana,img/0.png,left,x\nbo,img/1.png,right,y\n"
    (herd / "herd" / "own.csv").write_text(table, encoding="utf-8")
    images = load_dataset(str(herd / "herd" / "own.csv"), columns={"identity": "Code"})
    photographs = read_photographs(herd / "new", ["all"]).images
    decisions = read_decisions(decide(herd / "decisions.csv", ("n0.png", "accept", "ana")))
    path = write_enlarged_dataset(decisions, photographs, images, None, herd / "enlarged.csv").path
    rows = table_of(path)
    assert list(rows[0]) == ["Code", "File", "Side", "identity", "image_id", "dataset", "enrolled"]
    assert [(row["Code"], row["Side"], row["identity"]) for row in rows] == [
        ("ana", "left", "x"), ("bo", "right", "y"), ("ana", "", ""),
    ]  # fmt: skip
    enrolled = read_gallery(path, images)
    assert list(enrolled.identity) == ["ana"] and list(enrolled.image_id) == ["n0.png"]
