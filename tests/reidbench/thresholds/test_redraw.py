"""Redrawn calibration animals make the interval as wide as the whole procedure varies."""

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import predict, summarise
from reidbench.metrics.uncertainty.bootstrap import draw_folds
from reidbench.metrics.uncertainty.rates import identity_rates
from reidbench.thresholds import parse_policy
from reidbench.thresholds.apply import choose_thresholds
from reidbench.thresholds.max_score import MaxScore
from reidbench.thresholds.redraw import redraw_animals, redrawn_scores


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
    drawn = redraw_animals(answers, np.random.default_rng(1))
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
    spreads = [
        redrawn_scores([policy], episode(rng), episode(rng), n_folds=60, seed=seed)[0].std() for seed in range(8)
    ]
    assert np.mean(spreads) == pytest.approx(np.std(real), rel=0.25)


def test_the_same_seed_gives_the_same_folds():
    rng = np.random.default_rng(3)
    calibration, test = episode(rng), episode(rng)

    def scores():
        return redrawn_scores([parse_policy("margin")], calibration, test, n_folds=5, seed=1)[0].tolist()

    assert scores() == scores()


def two_groups(rng):
    left, right = episode(rng, 12, 6), episode(rng, 9, 5)
    return Answers(
        true=np.concatenate([left.true, right.true]),
        known=np.concatenate([left.known, right.known]),
        group=np.repeat(["L", "R"], [len(left), len(right)]),
        candidates=np.concatenate([left.candidates, right.candidates]),
        scores=np.concatenate([left.scores, right.scores - 0.3]),
        average_precision=np.concatenate([left.average_precision, right.average_precision]),
        gallery_identities={"L": 12, "R": 9},
    )


class Hesitant(MaxScore):
    """Refuses an episode by the animals that were drawn into it: now and then, not always."""

    def choose(self, answers, gallery=None):
        if "a3\x1f1" in answers.true:
            raise ReidbenchError("not these animals", where="here", remedy="others")
        return super().choose(answers, gallery)


def test_policies_redrawn_together_get_what_each_gets_alone():
    """To the bit, those too that refuse now and then; worked here one policy, one episode and one scope at a time."""
    rng = np.random.default_rng(4)
    calibration, test = two_groups(rng), two_groups(rng)
    texts = ["max-score", "max-score:group", "max-score:shrunk", "max-score-folds:group", "margin", "mad:group"]
    policies = [*(parse_policy(text) for text in texts), Hesitant(), Hesitant("group"), parse_policy("conformal=0.01")]
    together = redrawn_scores(policies, calibration, test, n_folds=12, seed=5)
    for policy, found in zip(policies, together, strict=True):
        own = np.random.default_rng(5)
        alone = []
        for fold in range(12):
            try:
                chosen = choose_thresholds(policy, redraw_animals(calibration, own))
            except ReidbenchError:
                continue
            rates = identity_rates(test.true, test.known, test.group, [predict(test, chosen)])
            (one,) = draw_folds([rates], n_folds=1, seed=int(own.integers(2**31)) + fold)
            alone.append(float(one.overall.score[0, 0]))
        assert found.tolist() == alone
    assert [len(found) for found in together[:6]] == [12] * 6
    assert 0 < len(together[6]) < 12  # refused now and then
    assert len(together[8]) == 0  # always: 11 unknown animals bear no bound of 0.01


def test_policies_that_share_their_episodes_are_asked_once_in_all_scopes():
    rng = np.random.default_rng(6)
    asked = []

    class Counting(MaxScore):
        def choose_one(self, answers):
            asked.append(len(answers))
            return super().choose_one(answers)

    calibration, test = two_groups(rng), two_groups(rng)
    redrawn_scores([Counting(), Counting("group"), Counting("shrunk")], calibration, test, n_folds=4)
    assert len(asked) == 4 * 3  # in each fold: both groups together, and each
