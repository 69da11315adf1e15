"""The bands: worked by hand, and the share of wrong answers that they promise."""

import numpy as np
import pytest

from reidbench.metrics.answers import Answers
from reidbench.metrics.review_bands import excess_of, is_right, learn_certainty, surest


def answers(score, right, known=None, group=None):
    score, right = np.asarray(score, float), np.asarray(right, bool)
    n = len(score)
    known = np.ones(n, bool) if known is None else np.asarray(known, bool)
    true = np.array([f"a{i}" for i in range(n)])
    named = np.where(right & known, true, "other").astype(object)
    return Answers(
        true, known, np.array(group or ["g"] * n), named[:, None], score[:, None], np.full(n, np.nan), {"g": n}
    )


def test_one_more_answer_is_counted_as_wrong():
    assert surest(np.arange(19.0), np.ones(19, bool), 0.05) == 0  # 1 / 20
    assert surest(np.arange(18.0), np.ones(18, bool), 0.05) == np.inf  # 1 / 19
    # 39 right above one wrong: (1 + 1) / (40 + 1) < .05, so it is taken in
    assert surest(np.arange(40.0), np.arange(40) > 0, 0.05) == 0


def test_equal_scores_go_in_together():
    sureness = np.array([2.0] * 19 + [1.0] * 10)
    right = np.array([True] * 19 + [True] * 8 + [False] * 2)
    assert surest(sureness, right, 0.05) == 2


def test_an_answer_is_right_on_both_sides_of_the_threshold():
    episode = answers([3, 1, 3, 1, 3], [True, True, False, False, False], [True, True, True, False, False])
    excess = excess_of(episode, np.full(5, 2.0))
    assert is_right(episode, excess).tolist() == [True, False, False, True, False]


def test_bands_part_sure_from_unsure():
    score = np.concatenate([np.arange(60.0) + 100, 50 + np.arange(10.0), np.arange(40.0) - 80])
    right = np.concatenate([np.ones(60, bool), np.zeros(10, bool), np.zeros(40, bool)])
    known = np.concatenate([np.ones(70, bool), np.zeros(40, bool)])
    fitted = learn_certainty(answers(score, right, known), np.full(110, 10.0), 0.05)
    band, p_right = fitted.of(np.array(["g"] * 5), np.array([120.0, 41.0, -60.0, -5.0, -np.inf]))
    assert band.tolist() == ["certain", "to be reviewed", "new", "to be reviewed", "to be reviewed"]
    assert p_right[0] > 0.9 > 0.3 > p_right[1] and p_right[2] > 0.9


def test_a_group_with_enough_queries_has_bounds_of_its_own():
    score = np.concatenate([np.arange(60.0), np.arange(60.0)])
    right = np.concatenate([np.ones(60, bool), np.arange(60) >= 30])
    group = ["a"] * 60 + ["b"] * 60
    fitted = learn_certainty(answers(score, right, group=group), np.zeros(120), 0.05)
    assert fitted.groups["a"].certain_from == 0 and fitted.groups["b"].certain_from == 30
    assert fitted.of(np.array(["a", "b"]), np.array([10.0, 10.0]))[0].tolist() == ["certain", "to be reviewed"]


def test_new_queries_are_wrong_no_oftener_than_promised():
    """Bands learned on one sample hold on another: over many draws, the mean share of wrong ones stays below."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        sure = rng.random((2, 200))
        right = rng.random((2, 200)) < 0.5 + sure / 2
        cut = surest(sure[0], right[0], 0.1)
        chosen = sure[1] >= cut
        if chosen.any():
            shares.append(1 - right[1][chosen].mean())
    assert np.mean(shares) < 0.11 and len(shares) > 100


def test_a_share_outside_0_and_1_is_refused():
    with pytest.raises(ValueError, match=r"not in \(0, 1\)"):
        learn_certainty(answers([1], [True]), np.zeros(1), 1.0)
