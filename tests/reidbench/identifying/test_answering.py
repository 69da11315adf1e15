"""Identification with a saved run: test photographs get the predictions of the run, and new photographs get theirs."""

import csv
import io
import shutil

import numpy as np
import pytest
from typing_extensions import override

import reidbench
from reidbench.constants import NEW_IDENTITY
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.identifying.answering import identify, to_csv
from reidbench.progress import Progress
from reidbench.records.saved_run import read_saved_run
from reidbench.running.evaluation import evaluate
from tests.reidbench.records.example import changed

SMALL = "patterns:identities=24,size=64,level=easy"
TRAINED = {
    "backbone": "test_resnet", "weights": "random", "size": 32, "embedding_dim": 8, "epochs": 1,
    "identities_per_batch": 2, "images_per_identity": 2,
}  # fmt: skip
FUSED = {"parts": "color_histogram,sift", "shortlist": 0, "weights": "fitted"}


def predict(photographs, record, **options):
    return identify(photographs, record, progress=Progress(), device="cpu", **options)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """A dataset, and a CSV of copies of its test photographs."""
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
            image = images.table.iloc[row]
            path = folder / image["group"] / images.image_path(int(row)).name
            writer.writerow((image["image_id"], path, image["group"], image["date"], image["orientation"]))
    return images, table


@pytest.mark.parametrize(
    ("method", "settings"),
    [("color_histogram", {}), ("sift", {}), ("wildfusion", FUSED), ("triplet_resnet50", TRAINED)],
)
def test_test_photographs_get_the_predictions_of_the_run(tested, tmp_path, method, settings, own_cache):
    images, table = tested
    record = evaluate(
        method, images, settings=settings, runs_dir=tmp_path, progress=Progress(), device="cpu", seed=len(method)
    )
    if settings:  # features are extracted again, so the trained model has to be restored
        shutil.rmtree(own_cache / "representations")
    by_image = {prediction.image_id: prediction for prediction in predict(table, record).found}
    test = read_saved_run(record).test
    assert sorted(by_image) == sorted(test.image_id.tolist())
    predictions = [by_image[image_id] for image_id in test.image_id.tolist()]
    np.testing.assert_allclose([each.score for each in predictions], test.answers.best_score, rtol=1e-5)
    np.testing.assert_allclose([each.limit for each in predictions], test.limit, rtol=1e-5)
    assert [each.answer for each in predictions] == test.predicted.tolist()
    assert [each.candidates[0].identity for each in predictions] == test.answers.best_candidate.tolist()


@pytest.fixture(scope="module")
def one_group_queried(tested, tmp_path_factory):
    """A calibrated run with two groups in the gallery and queries of one; photographs of the other with their truth."""
    images, _ = tested
    split = reidbench.make_split(images)
    queried, other = sorted(set(images.table["group"]))[:2]
    group, part = images.group, np.array(split.parts, dtype=object)
    assert list(split.image_ids) == images.table["image_id"].tolist()
    part[group != queried] = "unused"
    identity = images.identity
    last = {name: np.flatnonzero(identity == name)[-1] for name in set(identity[group == other])}
    part[(group == other) & ~np.isin(np.arange(len(part)), list(last.values()))] = "gallery"
    record = evaluate(
        "wildfusion", images, split=Split(split.image_ids, tuple(part), "mine", 0), settings=FUSED,
        runs_dir=tmp_path_factory.mktemp("queried"), progress=Progress(), device="cpu",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("photographs")
    truth = {}
    for name, row in last.items():
        path = images.image_path(int(row))
        shutil.copy(path, folder / path.name)
        truth[path.name] = name
    return record, folder, other, truth


def test_a_group_without_calibration_queries_uses_the_calibration_of_all_groups(one_group_queried):
    record, folder, other, truth = one_group_queried
    result = predict(folder, record, group=other)
    correct = [each.candidates[0].identity == truth[each.image_id] for each in result.found]
    assert len(correct) == len(truth) and np.mean(correct) > 0.5
    assert all(0 <= each.score <= 1 for each in result.found)  # probabilities, as for every group
    assert any(f"no calibration query of group '{other}'" in note for note in result.notes)


def test_an_older_record_without_the_common_curve_has_to_be_run_again(one_group_queried, tmp_path):
    record, folder, other, _ = one_group_queried
    for part in record.data.calibration:
        # With one group, the curve of the group is the common curve.
        assert set(part.scope.values()) == {"pooled"}
    old = {**record.data.to_json(), "schema": 2}
    for part in old["calibration"]:
        del part["pooled"]
    result = predict(folder, changed(record, **old), group=other)
    assert [each.score for each in result.found] == [each.score for each in predict(folder, record, group=other).found]
    for part in old["calibration"]:
        part["scope"] = dict.fromkeys(part["scope"], "own")
    with pytest.raises(ReidbenchError, match=f"had no query of group '{other}'") as caught:
        predict(folder, changed(record, **old), group=other)
    assert "--again" in caught.value.remedy


def test_a_trained_method_without_its_model_in_the_cache_has_to_be_fitted_again(tested, tmp_path, own_cache):
    images, table = tested
    run = {"settings": TRAINED, "runs_dir": tmp_path, "progress": Progress(), "device": "cpu", "seed": 99}
    record = evaluate("triplet_resnet50", images, **run)
    shutil.rmtree(own_cache / "fitted")
    shutil.rmtree(own_cache / "representations")
    with pytest.raises(ReidbenchError, match="has to be fitted again") as caught:
        predict(table, record)
    assert "--again" in caught.value.remedy and "REIDBENCH_CACHE" in caught.value.remedy
    record = evaluate("triplet_resnet50", images, again=True, **run)  # as the remedy says
    assert len(predict(table, record).found) == len(read_saved_run(record).test.image_id)


def test_new_photographs_are_identified(field):
    predictions = predict(field.photographs, field.record, dataset=str(field.catalogue)).found
    assert {each.image_id: each.answer for each in predictions} == {
        name: identity or NEW_IDENTITY for name, identity in field.truth.items()
    }
    for each in predictions:
        assert len(each.candidates) == 4  # four animals are enrolled
        assert all(c.image_id.startswith(c.identity) for c in each.candidates)
        scores = [candidate.score for candidate in each.candidates]
        assert scores == sorted(scores, reverse=True) and scores[0] == each.score


def test_the_dataset_is_by_default_at_the_recorded_place(field):
    named = predict(field.photographs, field.record, dataset=str(field.catalogue)).found
    by_default = predict(field.photographs, field.record).found
    assert [each.answer for each in by_default] == [each.answer for each in named]


def test_the_whole_dataset_can_be_searched(field):
    result = predict(field.photographs, field.record, dataset=str(field.catalogue), whole=True)
    assert len(result.gallery) == len(reidbench.load_dataset(str(field.catalogue)))
    enrolled = set(read_saved_run(field.record).enrolled.tolist())
    assert {c.identity for each in result.found for c in each.candidates} - enrolled
    assert any("with more animals, a new animal is more often taken for one of them" in note for note in result.notes)


class _Recorded(Progress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    @override
    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_a_larger_gallery_is_announced_before_the_work_and_named_in_the_csv(field):
    recorded = _Recorded()
    with pytest.raises(ReidbenchError, match="no folder or CSV"):
        identify("nowhere", field.record, whole=True, progress=recorded, device="cpu")
    assert len(recorded.warnings) == 1 and "with --whole" in recorded.warnings[0]
    assert "census --photographs cannot count" in recorded.warnings[0]
    result = predict(field.photographs, field.record, whole=True)
    rows = list(csv.DictReader(io.StringIO(to_csv(result.found, result.options))))
    # The apostrophe keeps a spreadsheet from computing the cell; census reads it without.
    assert {row["searched_with"] for row in rows} == {"'--whole"} and all(row["image_1"] for row in rows)
    assert "searched_with" not in to_csv(result.found)


def test_a_broken_photograph_that_the_run_did_not_use_is_left_out_of_the_whole_dataset(field, tmp_path):
    rows = list(csv.DictReader(field.catalogue.open(encoding="utf-8")))
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    broken = {**rows[0], "image_id": "torn", "path": str(tmp_path / "torn.jpg")}
    split = reidbench.make_split(reidbench.load_dataset(str(field.catalogue)))
    with (tmp_path / "catalogue.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, broken])
    images = reidbench.load_dataset(str(tmp_path / "catalogue.csv"))
    unused = Split((*split.image_ids, "torn"), (*split.parts, "unused"), "mine", None)
    record = evaluate(
        "color_histogram", images, split=unused, runs_dir=tmp_path / "runs", progress=Progress(), device="cpu"
    )
    result = predict(field.photographs, record, dataset=str(tmp_path / "catalogue.csv"), whole=True)
    assert sorted(result.gallery.image_id) == sorted(row["image_id"] for row in rows)
    assert len(result.found) == len(field.truth)
    (note,) = [note for note in result.notes if "torn" in note]
    assert note.startswith("'torn' of the dataset is not searched: the image cannot be read")


def test_the_csv_is_a_prediction_file(field):
    predictions = predict(field.photographs, field.record, dataset=str(field.catalogue)).found
    rows = list(csv.DictReader(io.StringIO(to_csv(predictions))))
    assert [row["image_id"] for row in rows] == sorted(field.truth)
    assert [row["identity"] for row in rows] == [field.truth[name] or NEW_IDENTITY for name in sorted(field.truth)]
    assert all(row["band"] and row["candidate_4"] and float(row["score_1"]) >= float(row["score_4"]) for row in rows)


def test_unreadable_photographs_are_listed_and_skipped(field, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(field.photographs, folder)
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "notes.txt").write_text("hello")
    result = predict(folder, field.record, dataset=str(field.catalogue))
    assert [name for name, _ in result.photographs.unreadable] == ["torn.jpg"]
    assert len(result.found) == len(field.truth) and result.photographs.skipped == 1


def test_errors_have_a_place_and_a_remedy(field, tested, tmp_path):
    images, _ = tested
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    several = evaluate("color_histogram", images, runs_dir=tmp_path / "r", progress=Progress(), device="cpu")
    dataset = {"dataset": str(field.catalogue)}
    for photographs, record, options, message in (
        (field.photographs, field.record, {"dataset": SMALL}, "not the dataset of the run"),
        (tmp_path / "none", field.record, dataset, "no folder or CSV"),
        (tmp_path / "bad", field.record, dataset, "none of the 1 photographs can be read"),
        (field.photographs, field.record, {**dataset, "group": "lynx"}, "no group 'lynx'"),
        (field.photographs, several, {}, "the group of 'IMG_00.jpg' is unknown"),
        (field.photographs, field.record, {**dataset, "error": 1.5}, "above 0 and below 1; it is 1.5"),
        (field.photographs, field.record, {**dataset, "gallery": field.catalogue}, "no column enrolled"),
    ):
        with pytest.raises(ReidbenchError, match=message) as caught:
            predict(photographs, record, **options)
        assert caught.value.where and caught.value.remedy
