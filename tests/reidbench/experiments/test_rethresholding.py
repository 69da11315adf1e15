"""A run decided again is the run that the other policy would have made."""

import csv
import json

import numpy as np
import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.experiments.rethresholding import rethreshold, tried_policies, try_policies
from reidbench.progress import Progress
from reidbench.records.finding import load_runs
from reidbench.records.saved_run import read_saved_run
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=30,size=64,level=easy"


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset(SMALL)


@pytest.fixture
def record(images, tmp_path):
    return make(images, tmp_path)


def make(images, tmp_path, **options):
    options = {"threshold": "max-score", **options}
    return evaluate("color_histogram", images, runs_dir=tmp_path / "runs", progress=Progress(), device="cpu", **options)


@pytest.mark.parametrize("policy", ["max-score:group", "margin", "leave-identity-out", "mad=1:shrunk", "fixed=-inf"])
def test_it_equals_a_whole_run_with_that_policy(images, record, tmp_path, policy):
    again = rethreshold(record, policy)
    whole = make(images, tmp_path / "other", threshold=policy)
    assert again.id == whole.id != record.id and again.path.parent == record.path.parent
    was, now = whole.data, again.data
    assert (now.metrics, now.threshold) == (was.metrics, was.threshold)
    assert (now.split, now.settings) == (was.split, was.settings)
    for name in ("predictions.csv", "split.csv"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes()
    assert again.data.decided_again_from == record.id


def test_the_old_run_stays_and_a_standing_run_is_not_decided_again(record):
    before = (record.path / "run.json").read_bytes()
    first = rethreshold(record, "mad=1")
    assert rethreshold(first.path, "mad=1").data.created == first.data.created
    assert (record.path / "run.json").read_bytes() == before
    assert {run.id for run in load_runs(record.path.parents[2])} == {record.id, first.id}
    assert rethreshold(first, "max-score").id == record.id  # back to where it came from


def test_no_image_and_no_method_is_touched(record, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("touched")

    for name in (
        "reidbench.data.decoding.decode",
        "reidbench.methods.contract.EmbeddingMethod.represent",
        "reidbench.matching.match.match",
    ):
        monkeypatch.setattr(name, fail)
    assert rethreshold(record, "max-score:shrunk").data.threshold.policy == "max-score:shrunk"


def test_every_policy_is_tried_and_the_least_regret_comes_first(record):
    outcomes = try_policies(read_saved_run(record), tried_policies(load_registry()), n_folds=400)
    decided = [each for each in outcomes if each.metrics]
    regrets = [each.metrics.overall.regret for each in decided]
    assert regrets == sorted(regrets) and len(decided) > 25
    for each in decided:
        assert each.interval.low <= each.metrics.overall.score <= each.interval.high
    own = next(each for each in decided if each.policy == "max-score")
    assert own.metrics.to_json() == record.data.metrics.test.to_json()
    refused = [each for each in outcomes if each.refused]
    assert refused and all(each.policy.startswith("conformal") for each in refused)
    assert outcomes[-len(refused) :] == refused
    json.dumps([each.to_json() for each in outcomes], allow_nan=False)


def test_a_closed_set_accepts_everything_by_any_policy(images, tmp_path):
    closed = make(images, tmp_path, split_kind="closed-set")
    again = rethreshold(closed, "mad=1")
    assert again.metrics["score"] is None and again.data.threshold.value == "-inf"
    assert again.id != closed.id
    outcomes = try_policies(read_saved_run(closed), tried_policies(load_registry())[:3], n_folds=50)
    assert all(each.interval is None and each.metrics for each in outcomes)


def test_a_refusal_reaches_the_user_and_writes_nothing(record):
    with pytest.raises(ReidbenchError, match="unknown identities"):
        rethreshold(record, "conformal=0.01")
    assert len(list(record.path.parent.iterdir())) == 1


def test_gallery_trials_wait_to_be_asked_where_images_are_compared_pair_by_pair(tmp_path):
    options = {"runs_dir": tmp_path, "progress": Progress(), "device": "cpu"}
    few = reidbench.load_dataset("patterns:identities=18,size=48,level=easy")
    plain = evaluate("sift", few, threshold="max-score", **options)
    with pytest.raises(ReidbenchError, match="--threshold leave-identity-out"):
        rethreshold(plain, "leave-identity-out")
    asked = evaluate("sift", few, threshold="leave-identity-out", **options)
    assert np.isfinite(asked.data.threshold.value) and "gallery_s" in asked.data.timing
    assert rethreshold(asked, "max-score").id == plain.id


def test_predictions_hold_each_querys_own_limit(record):
    again = rethreshold(record, "margin")
    with (again.path / "predictions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == "test"]
    for row in rows:
        accepted = float(row["score"]) >= float(row["threshold"])
        assert row["identity"] == (row["candidate"] if accepted else reidbench.NEW_IDENTITY)


def test_equal_answers_have_equal_intervals(record):
    saved, registry = read_saved_run(record), load_registry()
    first, second = try_policies(saved, [registry.policy(text) for text in ("fixed=-1000", "fixed=-999")])
    assert (first.interval.low, first.interval.high) == (second.interval.low, second.interval.high)


def test_each_policy_is_redrawn_by_its_own_rule(record):
    saved, registry = read_saved_run(record), load_registry()
    chosen_once = next(iter(try_policies(saved, [registry.policy("max-score")])[0].thresholds.values.values()))
    policies = [registry.policy(text) for text in (f"fixed={chosen_once}", "max-score", "fpir=0.2")]
    outcomes = {each.policy: each for each in try_policies(saved, policies, redraws=150)}
    fixed, chosen, fpir = (outcomes[policy.text] for policy in policies)
    # What calibration says does not move a fixed threshold: both intervals are of the test animals alone.
    assert fixed.redrawn.low == pytest.approx(fixed.interval.low, abs=0.08)
    assert fixed.redrawn.high == pytest.approx(fixed.interval.high, abs=0.08)
    assert fixed.metrics.overall.score == chosen.metrics.overall.score  # the same threshold, chosen the first time only
    assert (fixed.interval.low, fixed.interval.high) == (chosen.interval.low, chosen.interval.high)
    for each in (chosen, fpir):
        assert each.redrawn.low <= each.metrics.overall.score <= each.redrawn.high
    assert len({(each.redrawn.low, each.redrawn.high) for each in outcomes.values()}) == 3
