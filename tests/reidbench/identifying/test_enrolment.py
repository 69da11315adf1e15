"""Reviewed photographs join the gallery, the next identification finds them, and contradictions are errors."""

import csv
import hashlib
import shutil

import pytest

from reidbench.errors import ReidbenchError
from reidbench.identifying.answering import identify
from reidbench.identifying.enrolment import enrol_decisions
from reidbench.progress import Progress


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
