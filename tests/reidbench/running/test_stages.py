"""The stages of a run, one after another: each returns an immutable value that the next one takes."""

import dataclasses

import numpy as np
import pytest

import reidbench
from reidbench.methods.contract import MethodSpec, Settings
from reidbench.progress import Progress
from reidbench.registry.registered import Offer, Registry, load_registry
from reidbench.running.building import assemble, effective_settings
from reidbench.running.calibrated_features import calibrate_run
from reidbench.running.decided import decide
from reidbench.running.extractor import Extractor
from reidbench.running.matched import match_episodes
from reidbench.running.run_content import run_files
from reidbench.running.setup import Setup
from reidbench.thresholds import parse_policy


class Learner(reidbench.EmbeddingMethod):
    """Mean colour, after a fit that does nothing."""

    learns = True

    def fit(self, train, context):
        return reidbench.FitReport(notes=("fitted",))

    def embed(self, pixels):
        return np.stack([image.reshape(-1, 3).mean(axis=0) for image in pixels])


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset("patterns:identities=16,size=48,level=easy")


def setup_of(images, offer, registry, settings=None):
    assembled = assemble(offer, effective_settings(offer.spec, None, settings or {}), registry)
    assembled.prepare("cpu", 0, Progress())
    return Setup(assembled, images, reidbench.make_split(images), 0, "group", "cpu", Progress())


@pytest.fixture
def learner(images):
    offer = Offer(MethodSpec("learner", "", Settings, Learner), "test", "1")
    return lambda: setup_of(images, offer, Registry((offer,), ()))


def test_features_are_extracted_once_and_read_afterwards(learner, tmp_path):
    first = Extractor(learner(), tmp_path / "store")
    new = first.extract()
    assert new.is_new and first.can_extract and new.fit_report.notes == ("fitted",)
    second = Extractor(learner(), tmp_path / "store")
    read = second.extract()
    assert not read.is_new and not second.can_extract and read.fit_report.notes == ("fitted",)
    assert read.seconds == new.seconds and set(new.seconds) == {"fit_s", "represent_s"}
    for part, features in new.features.items():
        assert features.indices.tolist() == first.setup.rows[part].tolist()
        vectors = features.representation.dense["embedding"]
        np.testing.assert_array_equal(vectors, read.features[part].representation.dense["embedding"])


def test_a_method_without_parts_and_curves_is_not_calibrated(learner, tmp_path):
    extracted = Extractor(learner(), tmp_path / "store").extract()
    calibrated = calibrate_run(learner(), extracted.features)
    assert calibrated.features is extracted.features
    assert calibrated.numbering is calibrated.gallery_as_queries is None and not calibrated.calibrations


def test_the_gallery_is_not_matched_with_itself_by_a_method_that_learned_it(learner, images, tmp_path):
    policy = parse_policy("max-score")
    setup = learner()
    features = calibrate_run(setup, Extractor(setup, tmp_path / "store").extract().features)
    assert match_episodes(setup, features, policy).gallery_trials is None
    registry = load_registry()
    setup = setup_of(images, registry.find("color_histogram"), registry)
    features = calibrate_run(setup, Extractor(setup).extract().features)
    trials = match_episodes(setup, features, policy).gallery_trials
    assert trials is not None and len(trials.identity) == len(setup.rows["gallery"])


def test_queries_of_a_fusion_are_calibrated_out_of_fold(images, tmp_path):
    registry = load_registry()
    settings = {"parts": "color_histogram,sift", "calibration_pairs": 300}
    setup = setup_of(images, registry.find("wildfusion"), registry, settings)
    extracted = Extractor(setup).extract()
    calibrated = calibrate_run(setup, extracted.features)
    assert extracted.features["test"].representation.curve is None
    identity = images.identity[setup.rows["calibration"]]
    curve = calibrated.features["calibration"].representation.curve
    for name in set(identity):
        assert len(set(curve[identity == name])) == 1  # all images of an animal are in one fold
    assert len(set(curve)) > 1
    numbering = calibrated.numbering
    assert (
        calibrated.features["test"].representation.curve.tolist()
        == numbering.mean(images.group[setup.rows["test"]]).tolist()
    )
    assert calibrated.gallery_as_queries.curve.tolist() == numbering.mean(images.group[setup.rows["gallery"]]).tolist()
    assert len(calibrated.calibrations) == 2


def test_every_result_is_immutable_and_the_last_one_gives_the_files(learner, tmp_path):
    setup, policy = learner(), parse_policy("max-score")
    extracted = Extractor(setup, tmp_path / "store").extract()
    calibrated = calibrate_run(setup, extracted.features)
    matched = match_episodes(setup, calibrated, policy)
    decided = decide(setup, matched, policy)
    for result in (setup, extracted, calibrated, matched, decided, *matched.episodes.values()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, dataclasses.fields(result)[0].name, None)
    files = run_files(setup, matched, decided)
    assert files.arrays["test.true"].tolist() == setup.images.identity[setup.rows["test"]].tolist()
    enrolled = set(setup.images.encounter[setup.rows["gallery"]])
    expected = [name in enrolled for name in setup.images.encounter[setup.rows["test"]]]
    assert files.arrays["test.encountered"].tolist() == expected
    assert decided.metrics["test"].overall.n_queries == len(setup.rows["test"])
