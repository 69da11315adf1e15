"""A whole run, from drawn animals to a record. It is repeatable, and the method never sees identities of queries."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import reidbench
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.records.finding import load_runs
from reidbench.registry.registered import Offer, Registry
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset(SMALL)


def run(images, tmp_path, method="color_histogram", **options):
    return evaluate(method, images, runs_dir=tmp_path / "runs", progress=Progress(), device="cpu", **options)


def test_a_run_leaves_a_complete_record(images, tmp_path):
    record = run(images, tmp_path)
    data = json.loads((record.path / "run.json").read_text())
    overall = data["metrics"]["test"]["overall"]
    for name in ("score", "baks", "baus", "pooled_score", "rank1", "rank5", "root_of_means_score", "balanced_rank1",
                 "map", "auroc", "fpr95", "oracle_score", "regret", "chance_score", "n_queries",
                 "n_known_identities", "n_unknown_identities"):  # fmt: skip
        assert name in overall
    assert overall["regret"] == pytest.approx(overall["oracle_score"] - overall["score"])
    assert set(data["metrics"]["test"]["groups"]) == set(images.table["group"])


def test_predictions_score_as_the_record_says(images, tmp_path):
    record = run(images, tmp_path)
    predictions = pd.read_csv(record.path / "predictions.csv", dtype=str)
    predictions = predictions[predictions["part"] == "test"]
    split = pd.read_csv(record.path / "split.csv", dtype=str).merge(images.table, on="image_id")
    enrolled = set(split[split["part"] == "gallery"]["identity"])
    truth = split[split["part"] == "test"][["image_id", "identity", "group"]].copy()
    truth["is_new"] = (~truth["identity"].isin(enrolled)).astype(int).astype(str)
    scored = reidbench.score(predictions, truth)
    assert scored.overall.score == pytest.approx(record.metrics["score"], abs=1e-12)
    assert scored.overall.baks == pytest.approx(record.metrics["baks"], abs=1e-12)


def test_an_equal_run_is_repeated_only_with_again_and_gives_equal_metrics(images, tmp_path):
    first = run(images, tmp_path)
    assert run(images, tmp_path).data.created == first.data.created
    second = run(images, tmp_path, again=True)
    assert second.data.metrics == first.data.metrics and second.path == first.path
    run(images, tmp_path, split_seed=1)
    assert len(load_runs(tmp_path / "runs")) == 2


def test_a_second_run_on_the_same_images_extracts_nothing(images, tmp_path, monkeypatch):
    first = run(images, tmp_path)

    def fail(*_):
        raise AssertionError("extracted again")

    monkeypatch.setattr("reidbench.methods.contract.EmbeddingMethod.represent", fail)
    again = run(images, tmp_path, again=True)
    assert again.data.metrics == first.data.metrics


def test_a_run_that_searches_all_groups_has_another_id(images, tmp_path):
    group, everything = run(images, tmp_path), run(images, tmp_path, gallery="all")
    assert group.id != everything.id and everything.data.gallery == "all"
    assert everything.metrics["chance_score"] < group.metrics["chance_score"]


def test_queries_of_a_group_without_gallery_are_an_error_unless_all_groups_are_searched(images, tmp_path):
    split = reidbench.make_split(images)
    group_of = dict(zip(images.image_id.tolist(), images.group.tolist(), strict=True))
    parts = tuple(
        "unused" if part == "gallery" and group_of[image_id] == "lynx" else part
        for image_id, part in zip(split.image_ids, split.parts, strict=True)
    )
    n_query = sum(
        part in ("calibration", "test") and group_of[image_id] == "lynx"
        for image_id, part in zip(split.image_ids, parts, strict=True)
    )
    changed = Split(split.image_ids, parts, "mine", None)
    with pytest.raises(ReidbenchError) as caught:
        run(images, tmp_path, split=changed)
    assert caught.value.message == f"the gallery has no image of these groups of queries: 'lynx' ({n_query} queries)"
    assert caught.value.where == "split 'mine'" and "--gallery all" in caught.value.remedy
    assert not load_runs(tmp_path / "runs")
    assert run(images, tmp_path, split=changed, gallery="all").metrics["n_queries"] > 0


def test_a_method_sees_pixels_mask_group_orientation_and_date_only(images):
    seen = reidbench.Images(images)
    public = {name for name in dir(seen) if not name.startswith("_")}
    assert public == {"pixels", "mask", "group", "orientation", "date"}


@pytest.mark.parametrize("kind", ["closed-set", "disjoint"])
def test_other_splits_run(images, tmp_path, kind):
    record = run(images, tmp_path, split_kind=kind)
    score = record.metrics["score"]
    assert (score is None) == (kind == "closed-set")


def test_a_fixed_threshold_accepts_all_or_rejects_all(images, tmp_path):
    accepts = run(images, tmp_path, threshold="fixed=-1")
    rejects = run(images, tmp_path, threshold="fixed=2")
    assert accepts.metrics["baus"] == 0 and rejects.metrics["baus"] == 1 and rejects.metrics["baks"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "sfit"}, "did you mean 'sift'"),
        ({"settings": {"hue_bin": 3}}, "did you mean 'hue_bins'"),
        ({"settings": {"hue_bins": "many"}}, "hue_bins"),
        ({"threshold": "max-scor"}, "max-score"),
    ],
)
def test_invalid_input_is_an_error_with_a_remedy(images, tmp_path, options, message):
    with pytest.raises(ReidbenchError) as caught:
        run(images, tmp_path, **options)
    assert message in str(caught.value) and caught.value.remedy


def test_sift_recognises_real_zebras_far_above_chance(shared_dir, tmp_path):
    record = evaluate(
        "sift", str(shared_dir / "data/zebra/metadata.csv"), runs_dir=tmp_path, progress=Progress(), device="cpu"
    )
    assert record.metrics["rank1"] > 0.6 > 10 * record.metrics["chance_score"] ** 2
    scores = np.load(record.path / "scores.npz")["test.scores"]
    assert (np.diff(np.where(np.isfinite(scores), scores, -1), axis=1) <= 0).all()


def test_features_of_two_trainings_are_never_mixed(images, tmp_path):
    """With other test images the method is trained again, and the features of the earlier network are not used."""
    trainings = []

    class Retrained(reidbench.EmbeddingMethod):
        learns = True

        def fit(self, train, context):
            trainings.append(len(trainings) + 1)
            return reidbench.FitReport()

        def embed(self, pixels):
            return np.full((len(pixels), 2), trainings[-1], np.float32)

        def score(self, query, gallery):
            made_by = {*query.dense["embedding"].ravel(), *gallery.dense["embedding"].ravel()}
            assert made_by == {trainings[-1]}
            return super().score(query, gallery)

    spec = reidbench.MethodSpec("retrained", "", reidbench.Settings, Retrained)
    registry = Registry((Offer(spec, "test", "1"),), ())
    whole = reidbench.make_split(images)
    dropped = np.flatnonzero(np.array(whole.parts) == "test")[:1]
    parts = tuple("unused" if place in dropped else part for place, part in enumerate(whole.parts))
    fewer = dataclasses.replace(whole, parts=parts)
    for split in (fewer, whole):
        run(images, tmp_path, "retrained", registry=registry, split=split)
    assert trainings == [1, 2]
