import numpy as np
import pytest

from reidbench.metrics.ranking import balanced_rank_k, hits_within, rank_curve, rank_k

TRUE = np.array([0, 0, 0, 1])
BEST = np.array([[0, 1, 2], [0, 2, 1], [2, 0, 1], [2, 0, 1]])


def test_rank_k_counts_images():
    assert [rank_k(TRUE, BEST, k) for k in (1, 2, 3)] == [0.5, 0.75, 1.0]


def test_balanced_rank_k_counts_identities():
    assert [balanced_rank_k(TRUE, BEST, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 0.5, 1.0])


def test_more_candidates_asked_than_kept_uses_those_kept():
    assert rank_k(TRUE, BEST, 5) == 1.0


def test_no_queries_is_nan():
    assert np.isnan(rank_k([], np.zeros((0, 3)), 1)) and np.isnan(balanced_rank_k([], np.zeros((0, 3)), 1))


def test_names_serve_as_well_as_codes():
    assert hits_within(["ana", "bo"], np.array([["ana", ""], ["ana", ""]], dtype=object), 2).tolist() == [True, False]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="shapes"):
        rank_k([0, 1], [[0]], 1)
    with pytest.raises(ValueError, match="at least 1"):
        rank_k([0], [[0]], 0)


def test_the_rank_curve_holds_every_rank_k():
    rng = np.random.default_rng(3)
    true = rng.integers(0, 6, 40)
    candidates = np.array([rng.permutation(9)[:7] for _ in true])
    for balanced, one in ((False, rank_k), (True, balanced_rank_k)):
        curve = rank_curve(true, candidates, 10, balanced=balanced)
        assert curve.tolist() == pytest.approx([one(true, candidates, k) for k in range(1, 11)])
    assert np.isnan(rank_curve([], np.empty((0, 3)), 4)).tolist() == [True] * 4
