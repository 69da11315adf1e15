import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.metrics.detection import auroc, fpr95


def test_a_tie_counts_one_half():
    assert auroc([True, False], [0.5, 0.5]) == 0.5
    assert auroc([True, True, False, False], [0.9, 0.4, 0.4, 0.1]) == 0.875  # 1 + 1 + 0.5 + 1 of 4


def test_fpr95_reads_the_highest_threshold_that_reaches_95_percent():
    known = np.array([True] * 20 + [False] * 4)
    score = np.concatenate([np.arange(20) + 1.0, [0.5, 1.5, 2.0, 9.0]])
    assert fpr95(known, score) == 0.5  # 19 of 20 known score at least 2; so do 2 of 4 unknown
    assert fpr95(known[1:], score[1:]) == 0.5  # 18 of 19 is below 95 %, so all of them


def test_an_empty_side_is_nan():
    for known in ([True, True], [False, False], []):
        assert np.isnan(auroc(known, [0.1] * len(known))) and np.isnan(fpr95(known, [0.1] * len(known)))


def test_a_query_without_a_candidate_ranks_last():
    assert auroc([True, False], [0.1, -np.inf]) == 1.0
    assert fpr95([True, False], [-np.inf, 0.1]) == 1.0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="nan"):
        auroc([True], [np.nan])
    with pytest.raises(ValueError, match="shapes"):
        fpr95([True], [0.1, 0.2])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=2, max_size=60))
def test_auroc_and_fpr95_equal_sklearn(queries):
    reference = pytest.importorskip("sklearn.metrics")
    known, score = (np.array(column) for column in zip(*queries, strict=True))
    if known.all() or not known.any():
        return
    assert auroc(known, score) == pytest.approx(reference.roc_auc_score(known, score), abs=1e-12)
    false, true, _ = reference.roc_curve(known, score, drop_intermediate=False)
    assert fpr95(known, score) == pytest.approx(false[np.argmax(true >= 0.95)], abs=1e-12)
