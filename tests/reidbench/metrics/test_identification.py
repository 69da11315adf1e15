import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.metrics.identification import dir_at_fpir
from reidbench.metrics.open_set import balanced_accuracy
from reidbench.metrics.sweep import threshold_sweep

QUERY = st.tuples(st.sampled_from([-np.inf, 0.0, 0.1, 0.3, 0.5, 0.9]), st.booleans(), st.integers(0, 7))


def test_a_hand_worked_rate():
    # unknown animals 4, 5 at .8 and .4; known 0, 1, 2 right at .9, .6, .3. One of two let in: threshold in (.4, .8]
    sweep = threshold_sweep([0.9, 0.8, 0.6, 0.4, 0.3], [1, 0, 1, 0, 1], [1, 0, 1, 0, 1], [0, 4, 1, 5, 2])
    found = dir_at_fpir(sweep, 0.5, 2)
    assert found.value == pytest.approx(2 / 3) and found.threshold == pytest.approx(0.5)


def test_an_identity_counts_once_however_often_it_was_photographed():
    # unknown 4 is seen three times and once let in: an FPIR of 1/3 * 1/2 = 1/6
    sweep = threshold_sweep([0.9, 0.5, 0.1, 0.1, 0.2], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [4, 0, 4, 4, 5])
    assert dir_at_fpir(sweep, 0.5, 2).value == 1.0


@settings(max_examples=150, deadline=None)
@given(st.lists(QUERY, min_size=1, max_size=25), st.sampled_from([0.2, 0.25, 1 / 3, 0.5, 0.7]))
def test_it_equals_a_search_over_every_threshold(queries, rate):
    score, correct, code = (np.array(column) for column in zip(*queries, strict=True))
    known = code < 4
    n_unknown = len(set(code[~known]))
    found = dir_at_fpir(threshold_sweep(score, correct, known, code), rate, n_unknown)
    if not known.any() or n_unknown < 1 / rate - 1e-9:
        assert math.isnan(found.value) and found.reason
        return
    best = 0.0
    for threshold in (np.inf, *score):
        accepted = (score >= threshold) & (score > -np.inf)
        if balanced_accuracy(accepted[~known], code[~known]) <= rate + 1e-9:
            best = max(best, balanced_accuracy((accepted & correct)[known], code[known]))
    assert found.value == pytest.approx(best, abs=1e-12)


def test_a_rate_that_the_identities_do_not_allow_is_null_with_the_reason():
    code = np.arange(20)
    sweep = threshold_sweep(code / 20, code >= 10, code >= 10, code)
    assert dir_at_fpir(sweep, 0.1, 10).value == pytest.approx(1.0)
    found = json.loads(json.dumps(dir_at_fpir(sweep, 0.01, 10).to_json()))
    assert found == {
        "fpir": 0.01, "value": None, "threshold": None, "reason": "1 % needs 100 unknown identities, there are 10"
    }  # fmt: skip


def test_an_empty_side_says_which():
    assert dir_at_fpir(threshold_sweep([0.5], [True], [True], [0]), 0.1, 0).reason == "no unknown queries"
    assert dir_at_fpir(threshold_sweep([0.5], [False], [False], [0]), 0.1, 99).reason == "no known queries"


def test_an_infinite_threshold_is_text_in_json():
    code = np.arange(12)
    sweep = threshold_sweep(np.where(code < 2, 0.5, 0.7), code < 2, code < 2, code)
    assert dir_at_fpir(sweep, 0.1, 10).to_json() == {"fpir": 0.1, "value": 0.0, "threshold": "inf", "reason": ""}


def test_a_rate_outside_0_and_1_is_refused():
    sweep = threshold_sweep([0.5], [True], [True], [0])
    for rate in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="fpir"):
            dir_at_fpir(sweep, rate, 5)
