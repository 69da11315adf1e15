"""Redrawn calibration animals make the interval as wide as the whole procedure varies."""

import numpy as np
import pytest

from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import summarise
from reidbench.metrics.uncertainty.redraw import redrawn, redrawn_scores
from reidbench.thresholds import parse_policy


def episode(rng, n_known=25, n_unknown=10):
    animal = np.repeat(np.arange(n_known + n_unknown), 3)
    known = animal < n_known
    mood = rng.normal(size=n_known + n_unknown)[animal]
    true = np.array([f"a{i}" for i in animal])
    return Answers(
        true=true,
        known=known,
        group=np.full(len(animal), "L"),
        candidates=np.where(known, true, "other").astype(object)[:, None],
        scores=(1.2 * known + 0.7 * mood + 0.7 * rng.normal(size=len(animal)))[:, None],
        average_precision=np.full(len(animal), np.nan),
        gallery_identities={"L": 25},
    )


def test_a_redraw_keeps_the_number_of_animals_and_their_photographs_together():
    answers = episode(np.random.default_rng(0))
    drawn = redrawn(answers, np.random.default_rng(1))
    assert len(np.unique(drawn.identity_code)) == 35 and len(drawn) == len(answers)
    assert drawn.known.sum() == answers.known.sum()
    original = {name.partition("\x1f")[0] for name in drawn.true}
    assert len(original) < 35 and original <= set(answers.true)
    assert drawn.correct.sum() == drawn.known.sum()


def test_the_folds_spread_as_new_calibration_and_test_episodes_do():
    rng = np.random.default_rng(2)
    policy = parse_policy("max-score")
    real = [
        summarise(test, policy.choose(calibration)).overall.score
        for calibration, test in ((episode(rng), episode(rng)) for _ in range(300))
    ]
    spreads = [redrawn_scores(policy, episode(rng), episode(rng), n_folds=60, seed=seed).std() for seed in range(8)]
    assert np.mean(spreads) == pytest.approx(np.std(real), rel=0.25)


def test_the_same_seed_gives_the_same_folds():
    rng = np.random.default_rng(3)
    calibration, test = episode(rng), episode(rng)
    once, again = (redrawn_scores(parse_policy("margin"), calibration, test, n_folds=5, seed=1) for _ in range(2))
    assert once.tolist() == again.tolist()
