import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.metrics.expected_cost import ErrorCosts, error_rates, expected_cost
from reidbench.metrics.open_set import balanced_accuracy

QUERY = st.tuples(st.sampled_from([-np.inf, 0.0, 0.1, 0.3, 0.5, 0.9]), st.booleans(), st.integers(0, 6))


@settings(max_examples=150, deadline=None)
@given(st.lists(QUERY, min_size=1, max_size=25), st.sampled_from([0.1, 0.5, 0.8]))
def test_it_equals_counting_at_every_threshold(queries, unknown_rate):
    score, correct, code = (np.array(column) for column in zip(*queries, strict=True))
    known = code < 4
    rates = error_rates(score, correct, known, code)
    costs = ErrorCosts(false_new=1, misidentified=5, false_match=2)
    cost = expected_cost(rates, unknown_rate, costs)
    for place, threshold in enumerate(rates.thresholds):
        accepted = (score >= threshold) & (score > -np.inf)
        false_new = balanced_accuracy(~accepted[known], code[known])
        wrong = balanced_accuracy((accepted & ~correct)[known], code[known])
        match = balanced_accuracy(accepted[~known], code[~known])
        counted = rates.false_new[place], rates.misidentified[place], rates.false_match[place]
        assert counted == pytest.approx((false_new, wrong, match), abs=1e-12, nan_ok=True)
        expected = (1 - unknown_rate) * (false_new + 5 * wrong) + unknown_rate * 2 * match
        assert cost[place] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_a_side_that_does_not_count_may_be_missing():
    rates = error_rates([0.9, 0.5], [True, False], [True, True], [0, 1])
    assert np.isnan(rates.false_match).all()
    assert expected_cost(rates, 0.0).tolist() == [1.0, 0.5, 0.5]  # 1: both rejected; then the second is a mistake
    assert np.isnan(expected_cost(rates, 0.1)).all()
    unknown = error_rates([0.9], [False], [False], [0])
    assert expected_cost(unknown, 1.0).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("rate", [-0.1, 1.1, np.nan])
def test_a_rate_outside_0_and_1_is_refused(rate):
    with pytest.raises(ValueError, match="unknown_rate"):
        expected_cost(error_rates([0.9], [True], [True], [0]), rate)


@pytest.mark.parametrize("cost", [-1.0, np.inf, np.nan])
def test_a_cost_is_finite_and_not_negative(cost):
    with pytest.raises(ValueError, match="misidentified"):
        ErrorCosts(misidentified=cost)
