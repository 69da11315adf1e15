"""WildFusion: any parts by name, features extracted once, the same twice, and the published way beside ours."""

import json

import numpy as np
import pandas as pd
import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import MethodSpec
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry, load_registry
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"
# Parts that need no weights: one vector for each image, and local features.
PARTS = {"parts": "color_histogram,sift", "sift.keypoints": 64, "shortlist": 4}


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset(SMALL)


def run(images, folder, settings=PARTS, **options):
    return evaluate(
        "wildfusion", images, settings=settings, runs_dir=folder, progress=Progress(), device="cpu", **options
    )


def test_a_run_records_parts_curves_and_how_reliable_they_are(images, tmp_path):
    data = run(images, tmp_path).data
    assert data.parts["sift"].settings["keypoints"] == 64
    assert data.parts["sift"].calibration["kind"] == "isotonic"
    assert [row.part for row in data.calibration] == ["color_histogram", "sift"]
    for row in data.calibration:
        assert 0 < row.n_same < row.n_pairs and 0 <= row.ece < 0.2
        assert len(row.reliability["predicted"]) > 1
        assert set(row.scope) == set(images.table["group"])
    assert data.timing["calibrate_s"] > 0


def test_candidates_are_probabilities_and_only_the_shortlist_has_any(images, tmp_path):
    record = run(images, tmp_path)
    scores = np.load(record.path / "scores.npz")["test.scores"]
    compared = np.isfinite(scores)
    assert (compared.sum(axis=1) <= 4).all() and compared[:, 0].all()
    assert (scores[compared] > 0).all() and (scores[compared] < 1).all()


def test_features_are_extracted_once_for_calibration_shortlist_and_test(images, tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "cache"))
    counts = {}
    from reidbench.methods.contract import EmbeddingMethod
    from reidbench.methods.local_features import LocalFeatureMethod

    for base in (EmbeddingMethod, LocalFeatureMethod):
        real = base.represent

        def count(self, images, progress, real=real, name=base.__name__):
            counts[name] = counts.get(name, 0) + len(images)
            return real(self, images, progress)

        monkeypatch.setattr(base, "represent", count)
    record = run(images, tmp_path / "runs")
    used = sum(record.data.split.counts[part] for part in ("gallery", "calibration", "test"))
    again = record.data.blindness.n_query  # described twice, to prove that nothing but pixels is seen
    # Equal pictures are one picture to the store.
    assert counts["EmbeddingMethod"] == counts["LocalFeatureMethod"] <= used + again
    counts.clear()
    run(images, tmp_path / "runs", again=True)
    run(images, tmp_path / "runs", settings={**PARTS, "shortlist": 2})
    run(images, tmp_path / "runs", split_seed=1)
    fresh = set(images.contents())
    assert sum(counts.values()) <= 2 * (len(fresh) - used)  # only what no run before had asked for


def test_two_runs_with_one_seed_give_identical_files_but_for_times_environment_and_id(images, tmp_path, monkeypatch):
    records = []
    for name in ("one", "two"):
        monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / f"cache-{name}"))
        records.append(run(images, tmp_path / name))
    for file in ("predictions.csv", "split.csv"):
        assert (records[0].path / file).read_bytes() == (records[1].path / file).read_bytes()
    arrays = [np.load(record.path / "scores.npz") for record in records]
    for key in arrays[0].files:
        np.testing.assert_array_equal(arrays[0][key], arrays[1][key])
    plain = []
    for record in records:
        data = json.loads((record.path / "run.json").read_text())
        data["blindness"].pop("seconds")
        data["files"].pop("run.json")  # the digest of the record's own content, so of its times too
        plain.append({key: value for key, value in data.items() if key not in ("timing", "environment", "created")})
    assert plain[0] == plain[1]


def test_the_published_way_keeps_scores_in_half_precision(images, tmp_path):
    record = run(images, tmp_path, {**PARTS, "compat": True, "calibration_images": 40})
    assert {row.kind for row in record.data.calibration} == {"isotonic (published)"}
    assert all(row.n_pairs == 40 * 39 // 2 for row in record.data.calibration)
    alone = run(images, tmp_path, {"parts": "color_histogram", "compat": True, "calibration_images": 40})
    scores = np.load(alone.path / "scores.npz")["test.scores"]
    finite = scores[np.isfinite(scores)]
    np.testing.assert_array_equal(finite, finite.astype(np.float16).astype(np.float64))


def test_one_method_may_be_two_parts_under_names_of_their_own(images, tmp_path):
    settings = {
        "parts": "coarse=color_histogram,fine=color_histogram",
        "coarse.hue_bins": 4,
        "fine.hue_bins": 32,
        "weights": "fitted",
    }
    data = run(images, tmp_path, settings).data
    assert {name: part.settings["hue_bins"] for name, part in data.parts.items()} == {"coarse": 4, "fine": 32}
    chosen = data.constants["."]
    assert sum(chosen.choice) == pytest.approx(1) and chosen.candidates == 12
    assert chosen.calibration_score >= chosen.first_calibration_score


def test_a_strangers_method_is_a_part_by_its_name(images, tmp_path):
    class Mean(reidbench.EmbeddingMethod):
        def embed(self, pixels):
            return np.stack([image.reshape(-1, 3).mean(0) + 1 for image in pixels])

    spec = MethodSpec("mean_colour", "", reidbench.Settings, Mean)
    offers = (*load_registry().offers, Offer(spec, "stranger", "0"))
    record = run(images, tmp_path, {"parts": "mean_colour,sift", "shortlist": 3}, registry=Registry(offers, ()))
    assert record.data.parts["mean_colour"].plugin.name == "stranger"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parts": "color_histogram,sfit"}, "did you mean 'sift'"),
        ({**PARTS, "aliked.matcher": "mnn"}, "'aliked' is not a part of this fusion: color_histogram, sift"),
        ({**PARTS, "sift.keypoint": 3}, "did you mean 'keypoints'"),
        (
            {"parts": "color_histogram,aliked", "aliked.weights": "/nowhere.pth"},
            "settings of this part are written --set aliked.KEY=VALUE",
        ),
        ({**PARTS, "weights": "1,2,3"}, "3 weights are given for 2 parts"),
    ],
)
def test_bad_parts_are_one_message_with_a_remedy(images, tmp_path, settings, message):
    with pytest.raises(ReidbenchError) as caught:
        run(images, tmp_path, settings)
    assert message in str(caught.value) and caught.value.remedy


def test_predictions_hold_what_the_record_judges(images, tmp_path):
    record = run(images, tmp_path)
    predictions = pd.read_csv(record.path / "predictions.csv")
    known = predictions[predictions["identity"] != "new_individual"]
    assert (known["score"] >= known["threshold"]).all() and (known["identity"] == known["candidate"]).all()


@pytest.mark.slow
def test_fusion_on_real_zebras_is_far_above_chance(shared_dir, tmp_path):
    weights = shared_dir / "weights"
    record = evaluate(
        "wildfusion",
        str(shared_dir / "data/zebra/metadata.csv"),
        settings={
            "parts": "embedding_cosine,aliked",
            "embedding_cosine.model": "mobilenetv2_100",
            "embedding_cosine.weights": str(weights / "mobilenetv2_100_coral_imagenet.safetensors"),
            "aliked.weights": str(weights / "aliked-n16.pth"),
            "aliked.matcher": "mnn",
            "aliked.size": 256,
        },
        runs_dir=tmp_path,
        progress=Progress(),
        device="cpu",
    )
    assert record.metrics["balanced_rank1"] > 0.85 and record.metrics["score"] > 0.7
    assert record.data.weights.pretrained
