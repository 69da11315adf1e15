"""A saved run asked again: the same photographs get the same answers, and new ones get theirs."""

import copy
import csv
import dataclasses
import io
import shutil

import numpy as np
import pytest

import reidbench
from reidbench.constants import NEW_IDENTITY
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.files import cache_dir
from reidbench.identifying.answering import identify, to_csv
from reidbench.progress import Progress
from reidbench.records.saved_run import read_saved_run
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"
TRAINED = {
    "backbone": "test_resnet", "weights": "random", "size": 32, "embedding_dim": 8, "epochs": 1,
    "identities_per_batch": 2, "images_per_identity": 2,
}  # fmt: skip
FUSED = {"parts": "color_histogram,sift", "shortlist": 0, "weights": "fitted"}


def ask(photographs, record, **options):
    return identify(photographs, record, progress=Progress(), device="cpu", **options)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """Copies of the run's own test photographs, by group, and their ids."""
    images = reidbench.load_dataset(SMALL)
    split = reidbench.make_split(images)
    folder = tmp_path_factory.mktemp("tested")
    ids = {}
    for row in split.indices("test", images):
        path, group = images.image_path(int(row)), images.table["group"].iloc[row]
        (folder / group).mkdir(exist_ok=True)
        shutil.copy(path, folder / group / path.name)
        ids[f"{group}/{path.name}"] = images.table["image_id"].iloc[row]
    table = folder / "photographs.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "path", "dataset", "date", "orientation"))
        for row in split.indices("test", images):
            mine = images.table.iloc[row]
            path = folder / mine["group"] / images.image_path(int(row)).name
            writer.writerow((mine["image_id"], path, mine["group"], mine["date"], mine["orientation"]))
    return images, table


@pytest.mark.parametrize(
    ("method", "settings"),
    [("color_histogram", {}), ("sift", {}), ("wildfusion", FUSED), ("triplet_resnet50", TRAINED)],
)
def test_the_test_photographs_get_the_answers_that_the_run_gave(tested, tmp_path, method, settings):
    images, table = tested
    record = evaluate(
        method, images, settings=settings, runs_dir=tmp_path, progress=Progress(), device="cpu", seed=len(method)
    )
    if settings:  # described anew, so that what learned has to be brought back
        shutil.rmtree(cache_dir() / "representations")
    found = {each.image_id: each for each in ask(table, record).found}
    test = read_saved_run(record).test
    assert sorted(found) == sorted(test.image_id.tolist())
    mine = [found[image_id] for image_id in test.image_id.tolist()]
    np.testing.assert_allclose([each.score for each in mine], test.answers.best_score, rtol=1e-5)
    np.testing.assert_allclose([each.limit for each in mine], test.limit, rtol=1e-5)
    assert [each.answer for each in mine] == test.predicted.tolist()
    candidates = [[candidate.identity for candidate in each.candidates] for each in mine]
    assert [row[0] for row in candidates] == test.answers.best_candidate.tolist()


@pytest.fixture(scope="module")
def one_group_asked(tested, tmp_path_factory):
    """A calibrated run that asked about one group and enrolled two; photographs of the other, and what they show."""
    images, _ = tested
    split = reidbench.make_split(images)
    asked, other = sorted(set(images.table["group"]))[:2]
    group, part = images.group, np.array(split.parts, dtype=object)
    assert list(split.image_ids) == images.table["image_id"].tolist()
    part[group != asked] = "unused"
    identity = images.identity
    last = {name: np.flatnonzero(identity == name)[-1] for name in set(identity[group == other])}
    part[(group == other) & ~np.isin(np.arange(len(part)), list(last.values()))] = "gallery"
    record = evaluate(
        "wildfusion", images, split=Split(split.image_ids, tuple(part), "mine", 0), settings=FUSED,
        runs_dir=tmp_path_factory.mktemp("asked"), progress=Progress(), device="cpu",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("photographs")
    truth = {}
    for name, row in last.items():
        path = images.image_path(int(row))
        shutil.copy(path, folder / path.name)
        truth[path.name] = name
    return record, folder, other, truth


def test_a_group_that_the_run_asked_nothing_about_is_judged_by_all_together(one_group_asked):
    record, folder, other, truth = one_group_asked
    found = ask(folder, record, group=other)
    right = [each.candidates[0].identity == truth[each.image_id] for each in found.found]
    assert len(right) == len(truth) and np.mean(right) > 0.5
    assert all(0 <= each.score <= 1 for each in found.found)  # probabilities, as of every group
    assert any(f"no calibration query of group '{other}'" in note for note in found.notes)


def test_a_record_without_the_common_curve_is_asked_for_again(one_group_asked, tmp_path):
    record, folder, other, _ = one_group_asked
    for part in record.data["calibration"]:
        assert set(part["scope"].values()) == {"pooled"}  # the only group, so an older record shows the common curve
    old = copy.deepcopy(record.data)
    for part in old["calibration"]:
        del part["pooled"]
    kept = ask(folder, dataclasses.replace(record, data=old), group=other)
    assert [each.score for each in kept.found] == [each.score for each in ask(folder, record, group=other).found]
    for part in old["calibration"]:
        part["scope"] = dict.fromkeys(part["scope"], "own")
    with pytest.raises(ReidbenchError, match=f"asked nothing about group '{other}'") as caught:
        ask(folder, dataclasses.replace(record, data=old), group=other)
    assert "--again" in caught.value.remedy


def test_what_learned_and_was_not_kept_has_to_be_fitted_again(tested, tmp_path):
    images, table = tested
    run = {"settings": TRAINED, "runs_dir": tmp_path, "progress": Progress(), "device": "cpu", "seed": 99}
    record = evaluate("triplet_resnet50", images, **run)
    shutil.rmtree(cache_dir() / "fitted")
    shutil.rmtree(cache_dir() / "representations")
    with pytest.raises(ReidbenchError, match="has to be fitted again") as caught:
        ask(table, record)
    assert "--again" in caught.value.remedy and "REIDBENCH_CACHE" in caught.value.remedy
    record = evaluate("triplet_resnet50", images, again=True, **run)  # what the remedy says
    assert len(ask(table, record).found) == len(read_saved_run(record).test.image_id)


def test_new_photographs_are_answered(field):
    found = ask(field.photographs, field.record, dataset=str(field.catalogue)).found
    assert {each.image_id: each.answer for each in found} == {
        name: identity or NEW_IDENTITY for name, identity in field.truth.items()
    }
    for each in found:
        assert len(each.candidates) == 4  # as many animals as are enrolled
        assert all(c.image_id.startswith(c.identity) for c in each.candidates)
        scores = [candidate.score for candidate in each.candidates]
        assert scores == sorted(scores, reverse=True) and scores[0] == each.score


def test_the_dataset_is_found_where_the_run_found_it(field):
    named, found = (
        ask(field.photographs, field.record, **each).found for each in ({"dataset": str(field.catalogue)}, {})
    )
    assert [each.answer for each in found] == [each.answer for each in named]


def test_the_whole_dataset_can_be_searched(field):
    found = ask(field.photographs, field.record, dataset=str(field.catalogue), whole=True)
    assert len(found.gallery) == len(reidbench.load_dataset(str(field.catalogue)))
    enrolled = set(read_saved_run(field.record).enrolled.tolist())
    assert {c.identity for each in found.found for c in each.candidates} - enrolled
    assert any("more animals are more chances" in note for note in found.notes)


def test_the_csv_reads_as_predictions(field):
    found = ask(field.photographs, field.record, dataset=str(field.catalogue)).found
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert [row["image_id"] for row in rows] == sorted(field.truth)
    assert [row["identity"] for row in rows] == [field.truth[name] or NEW_IDENTITY for name in sorted(field.truth)]
    assert all(row["band"] and row["candidate_4"] and float(row["score_1"]) >= float(row["score_4"]) for row in rows)


def test_what_can_not_be_read_is_named_and_skipped(field, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(field.photographs, folder)
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "notes.txt").write_text("hello")
    found = ask(folder, field.record, dataset=str(field.catalogue))
    assert [name for name, _ in found.photographs.unreadable] == ["torn.jpg"]
    assert len(found.found) == len(field.truth) and found.photographs.skipped == 1


def test_errors_say_what_to_do(field, tested, tmp_path):
    images, _ = tested
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    several = evaluate("color_histogram", images, runs_dir=tmp_path / "r", progress=Progress(), device="cpu")
    mine = {"dataset": str(field.catalogue)}
    for photographs, record, options, message in (
        (field.photographs, field.record, {"dataset": SMALL}, "not the dataset of the run"),
        (tmp_path / "none", field.record, mine, "no folder and no table"),
        (tmp_path / "bad", field.record, mine, "none of 1 photographs can be read"),
        (field.photographs, field.record, {**mine, "group": "lynx"}, "no group 'lynx'"),
        (field.photographs, several, {}, "not known to which group"),
        (field.photographs, field.record, {**mine, "error": 1.5}, "between 0 and 1"),
        (field.photographs, field.record, {**mine, "gallery": field.catalogue}, "no column enrolled"),
    ):
        with pytest.raises(ReidbenchError, match=message) as caught:
            ask(photographs, record, **options)
        assert caught.value.where and caught.value.remedy
