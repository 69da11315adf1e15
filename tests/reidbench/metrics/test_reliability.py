import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from reidbench.metrics.reliability import reliability


def test_two_hand_worked_bins():
    # bin 1: .1 .3 -> mean .2, one of two came true: off by .3; bin 2: .6 .8 -> mean .7, both true: off by .3
    curve = reliability([0.8, 0.1, 0.6, 0.3], [True, False, True, True], bins=2)
    assert curve.predicted.tolist() == pytest.approx([0.2, 0.7])
    assert curve.observed.tolist() == [0.5, 1.0]
    assert curve.count.tolist() == [2, 2] and curve.mass.tolist() == [0.5, 0.5]
    assert curve.ece == pytest.approx(0.3)


def test_weights_move_the_edges_and_the_means():
    # masses 3, 1, 2, 2 of 8: the middle of .2 is at 3.5, of .6 at 5, so two bins of 4 hold (.1 .2) and (.6 .8)
    curve = reliability([0.1, 0.2, 0.6, 0.8], [True, False, True, False], weight=[3, 1, 2, 2], bins=2)
    assert curve.predicted.tolist() == pytest.approx([0.125, 0.7])
    assert curve.observed.tolist() == [0.75, 0.5]
    assert curve.mass.tolist() == [0.5, 0.5]
    assert curve.ece == pytest.approx(0.5 * 0.625 + 0.5 * 0.2)


def test_equal_values_share_a_bin():
    curve = reliability([0.5] * 9 + [0.9], [True] * 3 + [False] * 6 + [True], bins=5)
    assert curve.count.tolist() == [9, 1]
    assert curve.observed.tolist() == pytest.approx([1 / 3, 1.0])


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_distinct_values_agree_with_scikit_learn(bins):
    rng = np.random.default_rng(bins)
    probability = rng.permutation(np.linspace(0.003, 0.998, 40 * bins))
    outcome = rng.random(len(probability)) < probability**2
    observed, predicted = calibration_curve(outcome, probability, n_bins=bins, strategy="quantile")
    curve = reliability(probability, outcome, bins=bins)
    assert curve.predicted.tolist() == pytest.approx(predicted.tolist(), abs=1e-12)
    assert curve.observed.tolist() == pytest.approx(observed.tolist(), abs=1e-12)
    assert curve.ece == pytest.approx(np.abs(observed - predicted).mean(), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.25, 0.3, 0.7, 1.0]), st.booleans(), st.integers(0, 3)),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_a_whole_weight_is_a_repetition_and_order_is_nothing(pairs, bins, random):
    repeated = [(p, y) for p, y, weight in pairs for _ in range(weight)]
    random.shuffle(repeated)
    weighted = reliability(*zip(*[pair[:2] for pair in pairs], strict=True), weight=[w for *_, w in pairs], bins=bins)
    plain = reliability([p for p, _ in repeated], [y for _, y in repeated], bins=bins)
    for name in ("predicted", "observed", "mass"):
        assert getattr(weighted, name).tolist() == pytest.approx(getattr(plain, name).tolist(), abs=1e-12)
    assert weighted.ece == pytest.approx(plain.ece, abs=1e-12, nan_ok=True)
    assert plain.count.sum() == len(repeated)


def test_nothing_is_undefined_not_zero():
    curve = reliability([], [])
    assert np.isnan(curve.ece) and len(curve.predicted) == 0
    assert json.loads(json.dumps(curve.to_json())) == {
        "ece": None, "predicted": [], "observed": [], "count": [], "mass": []
    }  # fmt: skip
    assert np.isnan(reliability([0.5], [True], weight=[0]).ece)


def test_json_is_short():
    written = reliability([1 / 3, 2 / 3], [False, True], bins=2).to_json()
    assert written["predicted"] == [0.333333, 0.666667] and written["ece"] == 0.333333


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"probability": [0.1, 1.2], "outcome": [True, False]}, r"\[0, 1\]"),
        ({"probability": [np.nan], "outcome": [True]}, r"\[0, 1\]"),
        ({"probability": [0.1], "outcome": [True, False]}, "shapes"),
        ({"probability": [0.1], "outcome": [True], "weight": [-1.0]}, "weights"),
        ({"probability": [0.1], "outcome": [True], "weight": [np.inf]}, "weights"),
        ({"probability": [0.1], "outcome": [True], "bins": 0}, "bins"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        reliability(**arguments)
