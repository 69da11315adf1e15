"""Weights of one per animal give the plain metrics; the folds spread as a resampling of animals does."""

import numpy as np
import pytest

from reidbench.metrics.answers import Answers
from reidbench.metrics.detection import auroc, fpr95
from reidbench.metrics.summary import summarise
from reidbench.metrics.uncertainty import detection
from reidbench.thresholds import Thresholds


def episode(seed, n_known=40, n_unknown=20):
    rng = np.random.default_rng(seed)
    animal = np.repeat(np.arange(n_known + n_unknown), rng.integers(1, 6, n_known + n_unknown))
    known = animal < n_known
    mood = rng.normal(size=n_known + n_unknown)[animal]
    score = np.round(known + 0.7 * mood + 0.5 * rng.normal(size=len(animal)), 1)  # rounded: there are ties
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


def test_even_weights_give_the_plain_metrics(monkeypatch):
    answers = episode(0)

    class Even:
        def standard_exponential(self, shape):
            return np.ones(shape)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Even())
    folds = detection.draw_detection_folds(answers, n_folds=3)
    assert folds.auroc == pytest.approx(auroc(answers.known, answers.best_score))
    assert folds.fpr95 == pytest.approx(fpr95(answers.known, answers.best_score))
    whole = summarise(answers, Thresholds("", {}, True, value=0.5))
    assert folds.oracle_score == pytest.approx(whole.overall.oracle_score)


def test_auroc_spreads_as_over_new_animals():
    values = [auroc(e.known, e.best_score) for e in map(episode, range(1, 200))]
    spread = np.mean([detection.draw_detection_folds(episode(s), n_folds=200).auroc.std() for s in range(1, 12)])
    assert spread == pytest.approx(np.std(values), rel=0.2)


def test_a_side_without_queries_is_undefined():
    answers = episode(0)
    folds = detection.draw_detection_folds(answers.take(answers.known), n_folds=2)
    assert np.isnan(folds.auroc).all() and np.isnan(folds.fpr95).all() and np.isnan(folds.oracle_score).all()
