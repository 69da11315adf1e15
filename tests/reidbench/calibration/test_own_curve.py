"""A calibration curve of a plugin: used by name wherever a calibration is named, and held to what a curve is."""

import numpy as np
import pytest

from reidbench.calibration.fitting import fit_curve
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"
PLUGIN = """
import numpy as np
import reidbench

def straight(similarity, same, weight):
    low, high = similarity.min(), similarity.max()
    return lambda values: np.clip((values - low) / (high - low), 0, 1)

@reidbench.hookimpl
def reidbench_score_calibrations():
    return [reidbench.CalibrationSpec("straight", "a straight line", straight, version="3")]

class Means(reidbench.EmbeddingMethod):
    calibration = reidbench.Calibration(kind="straight")

    def embed(self, pixels):
        return np.stack([image.mean((0, 1)) for image in pixels])

@reidbench.hookimpl
def reidbench_methods():
    return [reidbench.MethodSpec("means", "", reidbench.Settings, Means)]
"""
VALUES = [0.0, 1.0, 3.0, 4.0]
SAME = [False, False, True, True]


def straight(similarity, same, weight):
    low, high = similarity.min(), similarity.max()
    return lambda values: np.clip((values - low) / (high - low), 0, 1)


def run(method, tmp_path, **settings):
    return evaluate(method, SMALL, settings=settings, runs_dir=tmp_path, progress=Progress())


def test_a_fusion_calibrates_its_parts_by_a_strangers_curve(stranger, tmp_path):
    stranger(PLUGIN)
    record = run("wildfusion", tmp_path, parts="color_histogram,sift", calibration="straight", shortlist=0)
    assert [part.kind for part in record.data.calibration] == ["straight", "straight"]
    by = {"name": "stranger", "version": "1.0", "curve_version": "3"}
    assert [part.calibrated_by.to_json() for part in record.data.parts.values()] == [by, by]
    ours = run("wildfusion", tmp_path, parts="color_histogram,sift", shortlist=0)
    assert ours.id != record.id and ours.data.parts["sift"].calibrated_by is None


def test_a_method_of_its_own_names_it_too(stranger, tmp_path):
    stranger(PLUGIN)
    record = run("means", tmp_path)
    assert record.data.calibration[0].kind == "straight"
    assert record.data.plugin.calibrated_by.name == "stranger"


def test_a_misspelt_curve_is_answered_with_the_nearest(stranger, tmp_path):
    stranger(PLUGIN)
    with pytest.raises(ReidbenchError, match="no score calibration is called 'strait'; did you mean 'straight'"):
        run("wildfusion", tmp_path, parts="color_histogram,sift", calibration="strait")


def test_pairs_that_were_not_compared_stay_so():
    curve, notes = fit_curve("straight", [*VALUES, -np.inf], [*SAME, True], fit=straight)
    assert curve([-np.inf, 0.0, 1.0, 4.0, 9.0]).tolist() == [-np.inf, 0.0, 0.25, 1.0, 1.0] and notes == ()
    drawn = curve.to_json()
    assert drawn["kind"] == "straight" and drawn["score"][0] == 0.0 and drawn["score"][-1] == 1.0
    assert np.allclose(np.array(drawn["similarity"]) / 4, drawn["score"])


def test_what_nothing_can_be_fitted_to_never_reaches_it():
    def never(similarity, same, weight):
        raise AssertionError

    for values, same in (([1.0, 1.0], [True, False]), ([1.0, 2.0], [True, True]), ([], [])):
        assert fit_curve("never", values, same, fit=never)[1]


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (lambda similarity, same, weight: 1 / 0, "can't be fitted: ZeroDivisionError"),
        (lambda similarity, same, weight: lambda values: -values, "outside"),
        (lambda similarity, same, weight: lambda values: values * np.nan, "outside"),
        (lambda similarity, same, weight: lambda values: 0.5, "shape"),
        (lambda similarity, same, weight: lambda values: values.nothing, "AttributeError"),
        (lambda similarity, same, weight: None, "TypeError"),
    ],
)
def test_what_is_no_curve_is_one_message(fit, said):
    with pytest.raises(ReidbenchError, match=f"score calibration 'mine' .*{said}"):
        fit_curve("mine", VALUES, SAME, fit=fit)[0](VALUES)


def test_a_curve_that_falls_only_ranks():
    curve, notes = fit_curve("mine", VALUES, SAME, fit=lambda similarity, same, weight: lambda values: 1 - values / 10)
    assert notes == ("the curve falls with the similarity: not calibrated, only ranked",)
    assert (np.diff(curve(VALUES)) > 0).all()


def test_the_fit_can_not_change_what_the_core_compares():
    values = np.array(VALUES)

    def spoil(similarity, same, weight):
        similarity[:] = 0
        return lambda asked: np.clip(asked / 4, 0, 1)

    assert fit_curve("spoil", values, SAME, fit=spoil)[0](values).tolist() == [0.0, 0.25, 0.75, 1.0]
    assert values.tolist() == VALUES
