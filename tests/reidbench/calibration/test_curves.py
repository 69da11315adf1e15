"""Curves: the published one to the digit, the default one never ties and never falls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.calibration.curves import Isotonic, Logistic, MeanCurve
from reidbench.calibration.fitting import fit_curve

SIMILARITY = np.arange(1, 9) / 10
SAME = np.array([0, 0, 1, 0, 1, 0, 1, 1], dtype=bool)


def test_the_published_curve_has_the_knots_and_values_of_the_reference_case():
    curve, notes = fit_curve("isotonic", SIMILARITY, SAME, compat=True)
    assert notes == ()
    np.testing.assert_allclose(curve.knots, [0.1, 0.2, 0.3, 0.6, 0.7, 0.8])
    np.testing.assert_allclose(curve.steps, [0, 0, 0.5, 0.5, 1, 1])
    at = [0.1, 0.15, 0.3, 0.45, 0.5, 0.65, 0.7, 0.8, -1.0, 2.0]
    expected = [0, 0, 0.326022, 0.5, 0.557993, 0.75, 0.896635, 1, 0, 1]
    # Published scores are kept in half precision, which is good to 5e-4 here.
    np.testing.assert_allclose(curve(at), expected, atol=5e-4)
    from reidbench.calibration.curves import join_steps

    np.testing.assert_allclose(join_steps(curve.knots, curve.steps, np.array(at[:8])), expected[:8], atol=1e-5)


def test_the_second_reference_case():
    from reidbench.calibration.curves import join_steps

    curve, _ = fit_curve("isotonic", [0, 0.1, 0.9, 1], [False, False, True, True], compat=True)
    joined = join_steps(curve.knots, curve.steps, np.array([0.25, 0.5, 0.75]))
    np.testing.assert_allclose(joined, [0.153635, 0.5, 0.846365], atol=1e-5)


def test_the_published_curve_ties_where_the_default_does_not():
    similarity = np.concatenate([SIMILARITY, SIMILARITY + 1e-3, SIMILARITY + 2e-3])
    same = np.tile(SAME, 3)
    published, _ = fit_curve("isotonic", similarity, same, compat=True)
    ours, _ = fit_curve("isotonic", similarity, same)
    beyond = np.array([1.0, 1.5, 7.0, 500.0])
    assert len(set(published(beyond))) == 1
    assert (np.diff(ours(beyond)) > 0).all() and ours(beyond)[-1] < 1


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3, allow_nan=False, width=32), min_size=24, max_size=60, unique=True),
    st.integers(0, 2**32 - 1),
)
def test_distinct_similarities_stay_distinct_and_in_order_everywhere(values, seed):
    similarity = np.sort(np.array(values, dtype=np.float64))
    same = np.random.default_rng(seed).random(len(similarity)) < np.linspace(0.1, 0.9, len(similarity))
    same[:2], same[-12:] = False, True
    curve, _ = fit_curve("isotonic", similarity, same)
    assert isinstance(curve, Isotonic)
    spread = similarity.std()
    # As near as a float32 similarity can tell two images apart, inside the fitted range and far beyond it.
    at = np.unique(
        np.concatenate([similarity, np.linspace(-10, 10, 400) * spread + similarity.mean(), similarity + 1e-5 * spread])
    )
    at = at[np.append(True, np.diff(at) > 1e-6 * spread)]
    score = curve(at)
    assert (np.diff(score) > 0).all() and score[0] > 0 and score[-1] < 1


def test_the_logistic_curve_keeps_the_strongest_apart():
    curve = Logistic(slope=1.0, intercept=0.0)
    np.testing.assert_allclose(curve([0.0, np.log(3)]), [0.5, 0.75])
    assert (np.diff(curve(np.arange(0, 400.0, 5))) > 0).all()


def test_not_compared_stays_not_compared_and_nan_is_refused():
    curve, _ = fit_curve("logistic", [0.0, 1.0] * 10, [False, True] * 10)
    assert curve([-np.inf, 0.5])[0] == -np.inf
    with pytest.raises(ValueError, match="nan"):
        curve([np.nan])
    with pytest.raises(ValueError, match="nan"):
        fit_curve("isotonic", [np.nan, 1.0], [True, False])


@pytest.mark.parametrize(
    ("similarity", "same", "note"),
    [
        ([3.0] * 30, [True, False, False] * 10, "all similarities are equal"),
        (np.arange(30.0), [False] * 30, "no pair shows the same animal"),
        (np.arange(30.0), [True] * 30, "no pair shows two animals"),
        ([], [], "all similarities are equal"),
    ],
)
@pytest.mark.parametrize("kind", ["isotonic", "logistic"])
def test_what_cannot_be_calibrated_is_named_and_still_ranks(similarity, same, note, kind):
    curve, notes = fit_curve(kind, similarity, same)
    assert notes[0].startswith(note)
    score = curve([-2.0, 3.0, 50.0])
    assert (np.diff(score) > 0).all() and (score > 0).all() and (score < 1).all()


def test_few_pairs_of_one_animal_get_two_numbers_instead_of_a_staircase():
    curve, notes = fit_curve("isotonic", np.arange(40.0), np.arange(40) >= 36)
    assert isinstance(curve, Logistic) and "only 4 pairs show the same animal" in notes[0]


def test_a_similarity_that_falls_is_said_and_not_turned_around():
    curve, notes = fit_curve("logistic", np.arange(40.0), np.arange(40) < 20)
    assert "falls" in notes[0] and curve([1.0])[0] < curve([2.0])[0]


def test_weights_stand_for_pairs():
    similarity = np.array([0.2] * 4 + [0.8] * 4)
    same = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    once, _ = fit_curve("isotonic", np.tile(similarity, 5), np.tile(same, 5))
    weighted, _ = fit_curve("isotonic", np.tile(similarity, 5), np.tile(same, 5), np.full(40, 7.0))
    np.testing.assert_allclose(once([0.2, 0.8]), weighted([0.2, 0.8]))
    np.testing.assert_allclose(once([0.2, 0.8]), [0.25, 0.75], atol=1e-3)


def test_the_mean_of_curves_is_their_mean():
    curves = (Logistic(1.0, 0.0), Logistic(2.0, 1.0))
    np.testing.assert_allclose(MeanCurve(curves)([0.3]), (curves[0]([0.3]) + curves[1]([0.3])) / 2)
