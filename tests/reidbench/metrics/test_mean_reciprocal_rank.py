import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score

from reidbench.metrics.answers import Answers
from reidbench.metrics.mean_reciprocal_rank import mean_reciprocal_rank
from reidbench.metrics.summary import summarise
from reidbench.thresholds import Thresholds

HALF = Thresholds("fixed=0.5", {}, pooled=True, value=0.5)


def test_the_mean_of_one_over_the_rank():
    best = [["a", "b", "c"], ["b", "a", "c"], ["b", "c", "a"], ["b", "c", "d"]]
    assert mean_reciprocal_rank(["a"] * 4, best) == pytest.approx((1 + 1 / 2 + 1 / 3 + 0) / 4)


def test_edges():
    assert np.isnan(mean_reciprocal_rank([], np.zeros((0, 3))))
    assert mean_reciprocal_rank([1, 2], np.zeros((2, 0))) == 0.0  # nothing was compared
    with pytest.raises(ValueError, match="shapes"):
        mean_reciprocal_rank([1, 2], [[1, 2]])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_equals_the_ranking_precision_of_scikit_learn_with_one_right_label(data):
    n_identity = data.draw(st.integers(2, 8))
    n_kept = data.draw(st.integers(1, n_identity))
    best = np.array(data.draw(st.lists(st.permutations(range(n_identity)), min_size=1, max_size=12)))
    true = np.array(data.draw(st.lists(st.integers(0, n_identity - 1), min_size=len(best), max_size=len(best))))
    kept = (best[:, :n_kept] == true[:, None]).any(axis=1)
    score = -np.argsort(best, axis=1)  # of each identity: minus its place
    expected = 0.0
    if kept.any():
        right = np.eye(n_identity, dtype=int)[true[kept]]
        expected = label_ranking_average_precision_score(right, score[kept]) * kept.mean()
    assert mean_reciprocal_rank(true, best[:, :n_kept]) == pytest.approx(expected, abs=1e-12)


def episode(scores, known=(True, True, True, False)):
    return Answers(
        true=np.array(["a", "b", "c", "z"]),
        known=np.array(known),
        group=np.array(["g", "g", "h", "h"]),
        candidates=np.array([["a", "b"], ["a", "b"], ["d", "e"], ["c", "d"]], dtype=object),
        scores=np.array(scores, dtype=float),
        average_precision=np.full(4, np.nan),
        gallery_identities={"g": 2, "h": 9},
    )


def test_an_episode_pools_the_known_queries_of_all_groups():
    metrics = summarise(episode([[0.9, 0.1], [0.7, 0.2], [0.6, 0.5], [0.4, 0.3]]), HALF)
    assert metrics.groups["g"]["mrr"] == 0.75  # ranks 1 and 2
    assert metrics.groups["h"]["mrr"] == 0.0  # c is not among the candidates; the unknown query does not count
    assert metrics.overall["mrr"] == 0.5  # (1 + 1/2 + 0) / 3
    assert list(metrics.overall).index("mrr") == list(metrics.overall).index("map") + 1


def test_equal_scores_keep_the_order_of_matching_as_rank_k_does():
    overall = summarise(episode([[0.9, 0.9], [0.7, 0.7], [0.6, 0.5], [0.4, 0.3]]), HALF).overall
    assert overall["mrr"] == 0.5 and overall["rank1"] == pytest.approx(1 / 3)


def test_a_candidate_without_a_score_is_not_found():
    overall = summarise(episode([[0.9, 0.1], [0.7, -np.inf], [0.6, 0.5], [0.4, 0.3]]), HALF).overall
    assert overall["mrr"] == pytest.approx(1 / 3)


def test_without_known_queries_it_is_undefined():
    unknown = episode([[0.9, 0.1], [0.7, 0.2], [0.6, 0.5], [0.4, 0.3]], known=[False] * 4)
    assert summarise(unknown, HALF).to_json()["overall"]["reasons"]["mrr"] == "no known queries"
