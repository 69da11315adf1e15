"""A run repeated with fewer gallery images of each animal."""

import json

import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.experiments.images_per_identity import curves_dir, images_per_identity, read_images_per_identity
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate


@pytest.fixture(scope="module")
def images():
    return reidbench.load_dataset("patterns:identities=24,size=64,level=easy")


@pytest.fixture(scope="module")
def record(images, tmp_path_factory):
    runs = tmp_path_factory.mktemp("curves") / "runs"
    return evaluate(
        "color_histogram", images, runs_dir=runs, progress=Progress(), device="cpu", threshold="max-score:group"
    )


@pytest.fixture(scope="module")
def curve(record, images):
    return images_per_identity(record, images, counts=[1, 2], draws=2, device="cpu")


def test_the_last_point_is_the_run_itself(curve, record):
    assert [(point.images, point.draw) for point in curve.points[:-1]] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    last = curve.points[-1]
    assert last.metrics["score"] == record.metrics["score"]
    assert last.n_gallery == record.data.split.counts["gallery"] > curve.points[2].n_gallery > 0


def test_a_repetition_asks_the_same_question_of_a_smaller_gallery(curve, record):
    repeated = reidbench.load_runs(curves_dir(record) / "runs")
    assert len(repeated) == 4
    for run in repeated:
        assert run.data.threshold.policy == "max-score:group" and run.method == record.method
        assert run.data.settings.effective == record.data.settings.effective
        for part in ("calibration", "test"):
            assert run.data.split.counts[part] == record.data.split.counts[part]
        assert run.metrics["n_known_identities"] == record.metrics["n_known_identities"]


def test_repetitions_are_not_listed_with_the_runs(curve, record):
    assert [run.id for run in reidbench.load_runs(record.path.parent.parent.parent)] == [record.id]


def test_a_curve_is_read_back(curve, record):
    assert read_images_per_identity(record) == curve
    path = curves_dir(record) / f"{record.id}.images-per-identity.json"
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["schema"] == 1
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ReidbenchError, match="can't be read") as caught:
        read_images_per_identity(record)
    assert caught.value.where == str(path)
    path.write_text(text, encoding="utf-8")


def test_counts_double_by_default_and_stop_below_the_largest(record, images):
    found = images_per_identity(record, images, draws=1, device="cpu")
    counts = [point.images for point in found.points]
    assert counts[:2] == [1, 2] and counts[-1] > counts[-2] and len(set(counts)) == len(counts)


def test_other_images_are_refused(record):
    other = reidbench.load_dataset("patterns:identities=24,size=64,level=easy,seed=1")
    with pytest.raises(ReidbenchError, match="is not the dataset of the run"):
        images_per_identity(record, other)
