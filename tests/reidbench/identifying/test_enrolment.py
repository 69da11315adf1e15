"""Decided photographs join the gallery, the next identification finds them, and contradictions are refused."""

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


def enrol(field, decisions, output, photographs=None, gallery=None):
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


def test_the_next_identification_finds_what_was_enrolled(field, names, tmp_path):
    known, new = names
    before = field.catalogue.read_bytes()
    decisions = decide(
        tmp_path / "decisions.csv",
        (known[0], "accept", field.truth[known[0]]),
        (new[0], "new", "Tove"),
        (new[1], "reject", ""),
    )
    done = enrol(field, decisions, tmp_path / "enlarged.csv")
    assert (done.n_photograph, done.n_new, done.n_rejected) == (2, 1, 1)
    assert field.catalogue.read_bytes() == before
    found = identify(
        field.photographs,
        field.record,
        dataset=str(field.catalogue),
        gallery=done.path,
        progress=Progress(),
        device="cpu",
    )
    answers = {each.image_id: each for each in found.found}
    assert answers[new[0]].answer == "Tove"  # the very photograph that is enrolled now
    assert answers[known[0]].candidates[0].image_id == known[0]
    assert any("2 photographs were enrolled" in note for note in found.notes)


def test_enrolment_goes_on_from_an_enlarged_dataset(field, names, tmp_path):
    _, new = names
    first = enrol(field, decide(tmp_path / "1.csv", (new[0], "new", "Tove")), tmp_path / "e1.csv").path
    second = enrol(field, decide(tmp_path / "2.csv", (new[1], "accept", "Tove")), tmp_path / "e2.csv", gallery=first)
    rows = list(csv.DictReader(second.path.open(encoding="utf-8")))
    assert [row["image_id"] for row in rows if row["enrolled"]] == [new[0], new[1]]
    assert {row["identity"] for row in rows if row["enrolled"]} == {"Tove"}


def test_contradictions_are_refused_and_nothing_is_written(field, names, tmp_path):
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
        ([(known[0], "accept", right), (known[0], "reject", "")], "decided twice and differently"),
        ([(known[0], "accept", "nobody")], "which is not enrolled"),
        ([(new[0], "new", right)], "one of that name is enrolled"),
        ([(new[0], "new", "")], "no animal is named"),
        ([(new[0], "new", "new_individual")], "no animal is named"),
        ([(new[0], "maybe", "Tove")], "'maybe' is no decision"),
        ([(new[0], "new", "Tove"), ("copy.jpg", "new", "Rune")], "copy, byte by byte, of 'IMG"),
        ([("old.jpg", "accept", right)], "is there already"),
        ([(new[0], "new", "Tove", "0" * 64)], "its bytes have changed"),
        ([(new[0], "reject", "")], "nothing to enrol"),
        ([], "holds no decision"),
    ):
        with pytest.raises(ReidbenchError, match=message) as caught:
            enrol(field, decide(tmp_path / "d.csv", *rows), tmp_path / "out.csv", folder)
        assert caught.value.where and caught.value.remedy
        assert not (tmp_path / "out.csv").exists()


def test_the_digest_of_a_decision_is_that_of_the_file(field, names, tmp_path):
    _, new = names
    digest = hashlib.sha256((field.photographs / new[0]).read_bytes()).hexdigest()
    done = enrol(field, decide(tmp_path / "d.csv", (new[0], "new", "Tove", digest)), tmp_path / "out.csv")
    assert done.n_photograph == 1


def test_a_table_is_never_written_over(field, names, tmp_path):
    _, new = names
    decisions = decide(tmp_path / "d.csv", (new[0], "new", "Tove"))
    with pytest.raises(ReidbenchError, match="no table is ever changed"):
        enrol(field, decisions, field.catalogue)
