import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.metrics.open_set import balanced_accuracy
from reidbench.metrics.sweep import midpoint, threshold_sweep

QUERY = st.tuples(
    st.sampled_from([-np.inf, -2.0, 0.0, 0.1, 0.30000000000000004, 0.3, 5.0]), st.booleans(), st.integers(0, 6)
)


def brute_force(score, correct, known, code, threshold):
    accepted = (score >= threshold) & (score > -np.inf)
    return (
        balanced_accuracy((accepted & correct)[known], code[known]),
        balanced_accuracy(~accepted[~known], code[~known]),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(QUERY, min_size=1, max_size=25))
def test_the_sweep_equals_brute_force_at_every_threshold(queries):
    score, correct, code = (np.array(column) for column in zip(*queries, strict=True))
    known = code < 4
    sweep = threshold_sweep(score, correct, known, code)
    assert len(sweep.thresholds) == len(set(score[score > -np.inf])) + 1
    for i, threshold in enumerate(sweep.thresholds):
        expected = brute_force(score, correct, known, code, threshold)
        assert (sweep.baks[i], sweep.baus[i]) == pytest.approx(expected, abs=1e-12, nan_ok=True)
        assert sweep.score[i] == pytest.approx(np.sqrt(np.prod(expected)), abs=1e-7, nan_ok=True)
        assert sweep.index(threshold) == i
    for threshold in sweep.scores:  # a tie accepts
        expected = brute_force(score, correct, known, code, threshold)
        i = sweep.index(threshold)
        assert (sweep.baks[i], sweep.baus[i]) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_a_hand_worked_sweep():
    sweep = threshold_sweep([0.9, 0.5, 0.5, 0.1], [True, False, True, True], [True, False, True, True], [0, 1, 2, 2])
    assert sweep.scores.tolist() == [0.9, 0.5, 0.1]
    assert sweep.thresholds.tolist() == pytest.approx([np.inf, 0.7, 0.3, -np.inf])
    assert sweep.baks.tolist() == [0.0, 0.5, 0.75, 1.0]
    assert sweep.baus.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_accepting_all_scores_exactly_zero():
    n = 1000  # 1 - (sum of weights) would leave rounding, whose root is not small
    sweep = threshold_sweep(np.arange(2 * n), np.ones(2 * n, bool), np.arange(2 * n) < n, np.arange(2 * n) // 3)
    assert sweep.score[0] == 0.0 and sweep.score[-1] == 0.0


def test_a_query_that_was_compared_with_nothing_is_never_accepted():
    sweep = threshold_sweep([-np.inf, 0.5], [True, False], [True, False], [0, 1])
    assert sweep.thresholds.tolist() == [np.inf, -np.inf]
    assert sweep.baks.tolist() == [0.0, 0.0]
    sweep = threshold_sweep([0.5, -np.inf], [True, False], [True, False], [0, 1])
    assert sweep.baks.tolist() == [0.0, 1.0] and sweep.baus.tolist() == [1.0, 1.0]


def test_no_score_leaves_one_threshold():
    sweep = threshold_sweep([-np.inf], [False], [True], [0])
    assert sweep.thresholds.tolist() == [np.inf] and sweep.baks.tolist() == [0.0]
    assert np.isnan(sweep.baus).all() and np.isnan(sweep.score).all()


def test_neighbouring_floats_stay_apart():
    low = 1.0
    high = np.nextafter(low, 2)
    assert midpoint(low, high) == high
    assert midpoint(-1.7e308, 1.7e308) == 0.0
    assert midpoint(1.6e308, 1.7e308) == pytest.approx(1.65e308)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="nan"):
        threshold_sweep([np.nan], [True], [True], [0])
    with pytest.raises(ValueError, match="shapes"):
        threshold_sweep([0.1, 0.2], [True], [True], [0])
