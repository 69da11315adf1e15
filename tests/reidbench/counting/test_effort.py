"""The effort of a review, with comparisons counted by hand."""

import numpy as np
import pytest

from reidbench.counting.effort import review_effort
from reidbench.metrics.answers import Answers

A = Answers(
    true=np.array(["a", "b", "c", "z"]),
    known=np.array([True, True, True, False]),
    group=np.array(["g"] * 4),
    candidates=np.array([["a", "b", "c"], ["a", "b", "c"], ["a", "b", "d"], ["a", "b", ""]], dtype=object),
    scores=np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, -np.inf]], dtype=float),
    average_precision=np.full(4, np.nan),
    gallery_identities={"g": 4},
)
RIGHT = np.array([True, False, False, False])


def test_a_review_stops_at_the_correct_candidate():
    effort = review_effort(A, RIGHT, np.array([4.0, 1.0, 3.0, 2.0]), targets=(0.25, 0.5, 0.75, 1.0), candidates=3)
    # b is the second candidate; z has two candidates, all refused; c has three, all refused; a is the first
    assert effort.comparisons.tolist() == [0, 2, 4, 7, 8]
    assert effort.share.tolist() == [0.25, 0.5, 0.75, 0.75, 0.75]
    targets = effort.targets
    assert [(target.comparisons, target.photographs) for target in targets] == [(0, 0), (2, 1), (4, 2), (None, None)]
    assert [target.random for target in targets] == [0, 4, 8, None]


def test_the_effort_in_random_order_is_the_mean_over_permutations():
    rng = np.random.default_rng(0)
    n = 400
    known = rng.random(n) < 0.7
    candidates = np.array([[f"a{i}", "x"] if rng.random() < 0.8 else ["x", f"a{i}"] for i in range(n)], dtype=object)
    answers = Answers(
        np.array([f"a{i}" for i in range(n)]), known, np.array(["g"] * n), candidates,
        np.tile([2.0, 1.0], (n, 1)), np.full(n, np.nan), {"g": n},
    )  # fmt: skip
    right = rng.random(n) < 0.6
    expected = review_effort(answers, right, np.zeros(n), targets=(0.9,)).targets[0].random
    drawn = [review_effort(answers, right, rng.random(n), targets=(0.9,)).targets[0].comparisons for _ in range(300)]
    assert expected == pytest.approx(np.mean(drawn), rel=0.02)


def test_reviewing_the_least_certain_first_needs_fewer_comparisons():
    rng = np.random.default_rng(1)
    n = 200
    answers = Answers(
        np.array([f"a{i}" for i in range(n)]), np.ones(n, bool), np.array(["g"] * n),
        np.array([[f"a{i}"] for i in range(n)], dtype=object), np.ones((n, 1)), np.full(n, np.nan), {"g": n},
    )  # fmt: skip
    sure = rng.random(n)
    target = review_effort(answers, rng.random(n) < sure, sure).targets[0]
    assert target.comparisons < 0.8 * target.random


def test_predictions_of_unknown_certainty_are_reviewed_first():
    effort = review_effort(A, RIGHT, np.array([1.0, 2.0, 3.0, np.nan]), targets=(0.5,), candidates=3)
    assert effort.comparisons[1] == 2  # z, not a


@pytest.mark.parametrize("options", [{"targets": (0.0,)}, {"targets": (1.5,)}, {"candidates": 0}])
def test_options_out_of_range_are_errors(options):
    with pytest.raises(ValueError, match="photographs"):
        review_effort(A, RIGHT, np.zeros(4), **options)
