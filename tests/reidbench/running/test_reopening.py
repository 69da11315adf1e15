"""A saved run is opened: its trained model is restored, and whatever has changed is named."""

import shutil

import numpy as np
import pandas as pd
import pytest

import reidbench
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import EmbeddingMethod, FitReport, MethodSpec, Settings
from reidbench.progress import Progress
from reidbench.records.saved_run import read_saved_run
from reidbench.registry.registered import Offer, Registry, load_registry
from reidbench.running.evaluation import evaluate
from reidbench.running.matched import match_episodes
from reidbench.running.reopening import reopen
from tests.reidbench.records.example import changed

DRAWN = "patterns:identities=12,size=32,level=easy"
FUSED = {"parts": "color_histogram,sift", "shortlist": 0, "calibration_pairs": 500}


class Keeper(EmbeddingMethod):
    """Mean colour, with random weights that each fit draws and saves."""

    learns = True
    forgetful = False
    fitted = 0

    def fit(self, train, context):
        kept = context.work_dir / "weights.npy"
        if not (context.restore and not self.forgetful):
            type(self).fitted += 1
            np.save(kept, np.random.default_rng().random(3))  # as on a GPU, two trainings differ
        self.weights_of_fit = np.load(kept)
        return FitReport()

    def embed(self, pixels):
        return np.stack([image.reshape(-1, 3).mean(0) * self.weights_of_fit for image in pixels])


class Forgetful(Keeper):
    """The same, but instead of restoring it is fitted again."""

    forgetful = True


@pytest.fixture
def registry():
    Keeper.fitted = Forgetful.fitted = 0
    offers = [
        Offer(MethodSpec(kind.__name__.lower(), "", Settings, kind), "tests", "1") for kind in (Keeper, Forgetful)
    ]
    return Registry(tuple(offers), ())


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset(DRAWN)


@pytest.fixture(scope="module")
def doubled(images):
    """The same images, each with a second id; equal images share their features."""
    again = images.table.assign(image_id=images.table["image_id"] + "-again")
    return ImageSet("doubled", images.root, pd.concat([images.table, again], ignore_index=True))


@pytest.fixture(scope="module")
def fused(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return evaluate("wildfusion", images, settings=FUSED, runs_dir=folder, progress=Progress(), device="cpu")


def open_again(record, images, registry=None):
    return reopen(record, images, registry=registry or load_registry(), progress=Progress(), device="cpu")


def altered(record, change):
    data = record.data.to_json()
    change(data)
    return changed(record, **data)


def test_with_curves_fitted_again_scores_equal_those_of_the_run(fused, images):
    reopened = open_again(fused, images)
    matched = match_episodes(reopened.setup, reopened.extract_again(), reopened.policy)
    again = matched.episodes["test"]
    np.testing.assert_array_equal(again.answers.scores, read_saved_run(fused).test.answers.scores)


def test_with_recorded_curves_test_scores_equal_those_of_the_run(fused, images):
    reopened = open_again(fused, images)
    test, gallery = (images.take(reopened.setup.rows[part]) for part in ("test", "gallery"))
    numbering = reopened.install_curves(test.group.tolist())
    score = reopened.method.score(reopened.extract_more(test, numbering), reopened.extract_more(gallery, numbering))
    best = read_saved_run(fused).test.answers.best_score
    inside = test.table["group"].to_numpy()[:, None] == gallery.table["group"].to_numpy()
    np.testing.assert_allclose(np.where(inside, score, -np.inf).max(axis=1), best, rtol=1e-6)


@pytest.mark.parametrize("stores", ["whole", "lost"])
def test_a_trained_model_is_restored_not_fitted_again(doubled, tmp_path, registry, stores, own_cache):
    record = evaluate("keeper", doubled, runs_dir=tmp_path, registry=registry, progress=Progress(), seed=len(stores))
    assert Keeper.fitted == 1
    if stores == "lost":
        shutil.rmtree(own_cache / "representations")
    reopened = open_again(record, doubled, registry)
    more = reidbench.load_dataset("patterns:identities=12,size=32,level=easy,seed=5")
    again = match_episodes(reopened.setup, reopened.extract_again(more), reopened.policy).episodes["test"]
    np.testing.assert_allclose(again.answers.scores, read_saved_run(record).test.answers.scores, rtol=1e-6)
    assert len(reopened.extract_more(more, None)) == len(more)
    assert Keeper.fitted == 1


def test_with_an_empty_cache_the_method_is_fitted_again_for_all_images(images, tmp_path, registry, monkeypatch):
    record = evaluate("keeper", images, runs_dir=tmp_path, registry=registry, progress=Progress(), seed=11)
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "another"))
    reopened = open_again(record, images, registry)
    features = reopened.extract_again().features
    assert Keeper.fitted == 2 and len(features["gallery"].representation)
    again = open_again(record, images, registry)
    again.extract_again(reidbench.load_dataset("patterns:identities=12,size=32,level=easy,seed=6"))
    assert Keeper.fitted == 2  # the model of this fit is cached, as that of a run


def test_a_missing_model_is_an_error_if_the_cache_holds_features_of_the_run(images, tmp_path, registry, own_cache):
    record = evaluate("keeper", images, runs_dir=tmp_path, registry=registry, progress=Progress(), seed=12)
    shutil.rmtree(own_cache / "fitted")
    more = reidbench.load_dataset("patterns:identities=12,size=32,level=easy,seed=7")
    with pytest.raises(ReidbenchError, match="has to be fitted again before it can extract other images") as caught:
        open_again(record, images, registry).extract_again(more)
    assert "REIDBENCH_CACHE" in caught.value.remedy and "--again" in caught.value.remedy
    assert Keeper.fitted == 1


def test_a_restored_model_with_other_features_is_an_error(images, tmp_path, registry):
    record = evaluate("forgetful", images, runs_dir=tmp_path, registry=registry, progress=Progress())
    more = reidbench.load_dataset("patterns:identities=12,size=32,level=easy,seed=8")
    reopened = open_again(record, images, registry)
    with pytest.raises(ReidbenchError, match="gives other features for images of the run"):
        reopened.extract_more(more, None)


def test_a_new_fit_replaces_the_features_of_an_unknown_one(images, tmp_path, registry, own_cache):
    run = {"runs_dir": tmp_path, "registry": registry, "progress": Progress(), "seed": 13}
    record = evaluate("keeper", images, **run)
    shutil.rmtree(own_cache / "representations")
    reopened = open_again(record, images, registry)
    before = reopened.extract_again().features["test"].representation.dense["embedding"].copy()  # of the cached model
    record = evaluate("keeper", images, again=True, **run)
    after = open_again(record, images, registry).extract_again().features["test"].representation.dense["embedding"]
    assert Keeper.fitted == 2 and not np.allclose(before, after)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["plugin"].update(method_version="0"), "installed as version"),
        (lambda data: data["weights"].update(sha256="ab" * 32), "its weights are"),
        (lambda data: data["parts"].pop("sift"), "part sift is new"),
        (lambda data: data["parts"].update(more=data["parts"]["sift"]), "part more is gone"),
        (lambda data: data["parts"]["sift"].update(method="aliked"), "part sift is sift, the run's was aliked"),
        (
            lambda data: data["parts"]["sift"]["plugin"].update(method_version="0"),
            r"part sift \(sift\) is installed as",
        ),
        (lambda data: data["parts"]["sift"]["settings"].update(ratio=0.123), r"part sift \(sift\) has other settings"),
        (
            lambda data: data["parts"]["sift"].update(
                calibrated_by={"name": "other", "version": "1", "curve_version": "1"}
            ),
            "the calibration curve of part sift",
        ),
    ],
)
def test_whatever_changed_since_the_run_is_named(fused, images, change, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        open_again(altered(fused, change), images)
    assert "wildfusion has changed since the run" in caught.value.message and caught.value.remedy


def test_another_release_of_a_plugin_with_the_same_method_version_is_accepted(fused, images):
    def newer(data):
        data["plugin"]["version"] = "99"
        data["parts"]["sift"]["plugin"]["version"] = "99"
        data["weights"]["source"] = "/elsewhere/weights"

    assert open_again(altered(fused, newer), images).method.parts


def test_a_part_without_the_curve_of_a_group_is_named(fused, images):
    record = altered(fused, lambda data: data["calibration"][1]["curves"].pop("turtle"))
    with pytest.raises(ReidbenchError, match="of sift in the record lacks the curve of group 'turtle'") as caught:
        open_again(record, images).install_curves(["turtle"])
    assert caught.value.where.endswith("run.json") and "--again" in caught.value.remedy
