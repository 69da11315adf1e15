"""Weights of one per animal give the plain metrics; the folds spread as a resampling of animals does."""

import numpy as np
import pytest

from reidbench.metrics.answers import Answers
from reidbench.metrics.detection import auroc, fpr95
from reidbench.metrics.summary import summarise
from reidbench.metrics.uncertainty import detection
from reidbench.metrics.uncertainty.bootstrap import interval
from reidbench.thresholds import Thresholds


def episode(seed, n_known=40, n_unknown=20, gap=1.0):
    rng = np.random.default_rng(seed)
    animal = np.repeat(np.arange(n_known + n_unknown), rng.integers(1, 6, n_known + n_unknown))
    known = animal < n_known
    mood = rng.normal(size=n_known + n_unknown)[animal]
    score = np.round(gap * known + 0.7 * mood + 0.5 * rng.normal(size=len(animal)), 1)  # rounded: there are ties
    true = np.array([f"a{i}" for i in animal])
    return Answers(
        true=true,
        known=known,
        group=np.where(animal % 2, "L", "S"),
        candidates=np.where(known & (rng.random(len(animal)) < 0.9), true, "other").astype(object)[:, None],
        scores=score[:, None],
        average_precision=np.full(len(animal), np.nan),
        gallery_identities={"L": 20, "S": 20},
    )


def measured(answers):
    return auroc(answers.known, answers.best_score), fpr95(answers.known, answers.best_score)


def test_even_weights_give_the_plain_metrics(monkeypatch):
    answers = episode(0)

    class Even:
        def standard_exponential(self, shape):
            return np.ones(shape)

        def standard_gamma(self, ends, shape):
            return np.full(shape, 0.0)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Even())
    (folds,) = detection.draw_detection_folds([answers], n_folds=3)
    assert folds.auroc == pytest.approx(auroc(answers.known, answers.best_score))
    assert folds.plain_auroc == pytest.approx(auroc(answers.known, answers.best_score))
    assert folds.fpr95 == pytest.approx(fpr95(answers.known, answers.best_score))
    whole = summarise(answers, Thresholds("", {}, True, value=0.5))
    assert folds.oracle_score == pytest.approx(whole.overall.oracle_score)


def test_auroc_spreads_as_over_new_animals():
    values = [auroc(e.known, e.best_score) for e in map(episode, range(1, 200))]
    spread = np.mean([detection.draw_detection_folds([episode(s)], n_folds=200)[0].auroc.std() for s in range(1, 12)])
    assert spread == pytest.approx(np.std(values), rel=0.2)


def test_intervals_of_few_animals_hold_the_truth():
    truth = measured(episode(1, 3000, 3000))
    for n_known, n_unknown, least in (
        (6, 2, 0.86),
        (23, 6, 0.91),
        (60, 25, 0.91),
    ):  # plain weights hold .66, .87, .90 for AUROC
        held = np.zeros(2)
        for seed in range(2, 152):
            answers = episode(seed, n_known, n_unknown)
            (folds,) = detection.draw_detection_folds([answers], n_folds=150, seed=seed)
            for place, (values, point) in enumerate(zip((folds.auroc, folds.fpr95), measured(answers), strict=True)):
                found = interval(values, point)
                held[place] += found.low <= truth[place] <= found.high
        assert (held / 150 > least).all(), (n_known, held / 150)


def test_the_interval_of_an_auroc_near_one_holds_the_truth():
    truth = auroc(*(getattr(episode(1, 3000, 3000, gap=2.5), name) for name in ("known", "best_score")))
    assert truth > 0.97
    held = {"ends": 0, "spanning": 0}
    for seed in range(2, 102):
        answers = episode(seed, 40, 18, gap=2.5)
        (folds,) = detection.draw_detection_folds([answers], n_folds=150, seed=seed)
        point = auroc(answers.known, answers.best_score)
        found = {
            "ends": interval(folds.auroc, point),
            "spanning": detection.auroc_interval(folds.auroc, folds.plain_auroc, point),
        }
        for name, each in found.items():
            held[name] += each.low <= truth <= each.high
    assert held["spanning"] >= 93 and held["spanning"] > held["ends"], held


def test_an_interval_of_auroc_spans_both_kinds_of_folds():
    ends, plain = np.linspace(0.5, 0.9, 401), np.linspace(0.6, 1.0, 401)
    # Of 401 even steps the 2.5 % and 97.5 % points lie .01 inside the ends.
    found = detection.auroc_interval(ends, plain, 0.8)
    assert (found.low, found.high) == (pytest.approx(0.51), pytest.approx(0.99))


def test_a_side_without_queries_is_undefined():
    answers = episode(0)
    (folds,) = detection.draw_detection_folds([answers.take(answers.known)], n_folds=2)
    assert np.isnan(folds.auroc).all() and np.isnan(folds.fpr95).all() and np.isnan(folds.oracle_score).all()


def test_an_animal_weighs_the_same_in_every_episode_that_asks_it():
    answers = episode(0)
    shuffled = answers.take(np.random.default_rng(1).permutation(len(answers)))
    half = answers.take(np.arange(len(answers)) % 2 == 0)
    whole, again, other = detection.draw_detection_folds([answers, shuffled, half], n_folds=60)
    for name in ("auroc", "fpr95", "oracle_score"):
        assert getattr(whole, name) == pytest.approx(getattr(again, name))
    assert np.corrcoef(whole.auroc, other.auroc)[0, 1] > 0.5  # most of the same animals, half of their photographs


def test_an_episode_without_queries_is_undefined():
    answers = episode(0)
    (folds,) = detection.draw_detection_folds([answers.take(np.zeros(len(answers), dtype=bool))], n_folds=2)
    assert np.isnan(folds.auroc).all()
