"""Coverage by simulation, shared weights, and the cases in which a plain bootstrap has no width."""

import math

import numpy as np
import pytest
from scipy.special import betaincinv

from reidbench.metrics.uncertainty import bootstrap
from reidbench.metrics.uncertainty.bootstrap import draw_folds, interval
from reidbench.metrics.uncertainty.rates import IdentityRates
from reidbench.metrics.uncertainty.reliability import few_animals


def one_side(rates, known=True):
    n = len(rates)
    return IdentityRates(
        np.array([f"a{i:04d}" for i in range(n)]),
        np.array(["g"] * n),
        np.full(n, known),
        np.asarray(rates, dtype=float)[:, None],
    )


@pytest.mark.parametrize(("right", "n"), [(18, 18), (0, 6), (7, 18), (30, 40)])
def test_rates_of_zero_and_one_give_the_jeffreys_interval(right, n):
    (folds,) = draw_folds([one_side([1.0] * right + [0.0] * (n - right))], n_folds=40_000)
    found = np.quantile(folds.overall.baks[:, 0], [0.025, 0.5, 0.975])
    exact = betaincinv(right + 0.5, n - right + 0.5, [0.025, 0.5, 0.975])
    assert found == pytest.approx(exact, abs=0.006)


def test_many_animals_give_the_width_of_a_mean():
    rng = np.random.default_rng(0)
    rates = rng.random(900)
    (folds,) = draw_folds([one_side(rates)], n_folds=4000)
    assert folds.overall.baks.std() == pytest.approx(rates.std() / 30, rel=0.05)
    assert folds.overall.baks.mean() == pytest.approx(rates.mean(), abs=0.002)
    assert np.isnan(folds.overall.baus).all() and np.isnan(folds.overall.score).all()


def coverage(draw_rates, n_known, n_unknown, trials, seed):
    """Return the coverage of the score's, BAKS's and BAUS's intervals, and of a difference's."""
    rng = np.random.default_rng(seed)
    hits = np.zeros(4)
    for _ in range(trials):
        baks, baus = rng.choice([0.4, 0.7, 0.9], 2), rng.choice([0.6, 0.85, 0.95], 2)
        rates = draw_rates(rng, n_known, n_unknown, baks, baus)
        (folds,) = draw_folds([rates], n_folds=1000, seed=int(rng.integers(2**31)))
        sides, true = folds.overall, np.sqrt(baks * baus)
        for place, (samples, value) in enumerate(
            [
                (sides.score[:, 0], true[0]),
                (sides.baks[:, 0], baks[0]),
                (sides.baus[:, 0], baus[0]),
                (sides.score[:, 0] - sides.score[:, 1], true[0] - true[1]),
            ]
        ):
            low, high = np.quantile(samples, [0.025, 0.975])
            hits[place] += low <= value <= high
    return hits / trials


@pytest.mark.parametrize(("n_known", "n_unknown"), [(40, 18), (150, 60)])
def test_nominal_95_percent_intervals_cover_93_to_97_with_photographs_alike(draw_rates, n_known, n_unknown):
    found = coverage(draw_rates, n_known, n_unknown, trials=600, seed=n_known)
    assert ((found >= 0.93 - 0.009) & (found <= 0.97 + 0.009)).all(), found  # Monte Carlo error of 600: .009


@pytest.mark.slow
@pytest.mark.parametrize(("n_known", "n_unknown"), [(40, 18), (60, 25), (150, 60), (400, 100)])
def test_nominal_95_percent_intervals_cover_93_to_97_in_many_trials(draw_rates, n_known, n_unknown):
    found = coverage(draw_rates, n_known, n_unknown, trials=4000, seed=1)
    assert ((found >= 0.93) & (found <= 0.97)).all(), found


def test_small_samples_cover_what_their_warning_says(draw_rates):
    for n_known, n_unknown in ((23, 6), (10, 3), (6, 2)):
        warning = few_animals(n_known, n_unknown)
        stated = int(warning.rpartition(" in ")[2].partition(" ")[0]) / 100 if warning else 0.95
        assert coverage(draw_rates, n_known, n_unknown, trials=400, seed=2)[0] == pytest.approx(stated, abs=0.03)
    assert few_animals(40, 18) == "" and "too uncertain" in few_animals(5, 1)


def test_no_warning_says_that_95_percent_intervals_cover_95_percent():
    assert few_animals(23, 6) == ""
    assert few_animals(22, 6).endswith("a 95 % interval contains the true score in 94 % of cases")
    assert not any("in 95 % of" in few_animals(known, unknown) for known in range(50) for unknown in range(20))


def test_methods_and_splits_share_an_animals_weight(draw_rates, monkeypatch):
    rates = draw_rates(np.random.default_rng(3), 30, 15, [0.7], [0.8])
    twice = IdentityRates(rates.animal, rates.group, rates.known, np.repeat(rates.rate, 2, axis=1))
    (folds,) = draw_folds([twice], owners=[[0, 0]], n_folds=500)
    assert (folds.overall.score[:, 0] == folds.overall.score[:, 1]).all()  # two seeds of one method
    (folds,) = draw_folds([twice], owners=[[0, 1]], n_folds=500)
    assert (folds.overall.score[:, 0] != folds.overall.score[:, 1]).any()  # the end animals are each method's own
    monkeypatch.setattr(bootstrap, "END_ANIMALS", 1e-9)
    first, second = draw_folds([twice, twice], n_folds=500)
    assert first.overall.score == pytest.approx(second.overall.score)
    assert np.corrcoef(first.overall.score.T)[0, 1] == pytest.approx(1.0)


def test_groups_are_averaged_and_pooled_as_the_score_is(draw_rates):
    rng = np.random.default_rng(4)
    one, two = draw_rates(rng, 300, 200, [0.8], [0.9]), draw_rates(rng, 100, 50, [0.4], [0.6])
    both = IdentityRates(
        np.concatenate([one.animal, np.char.add("s", two.animal)]),
        np.array(["L"] * 500 + ["S"] * 150),
        np.concatenate([one.known, two.known]),
        np.concatenate([one.rate, two.rate]),
    )
    (folds,) = draw_folds([both], n_folds=2000)
    assert folds.overall.score.mean() == pytest.approx(both.scores()[0], abs=0.01)
    assert folds.overall.baks.mean() == pytest.approx(both.rate[both.known].mean(), abs=0.01)
    assert folds.groups["S"].score.mean() == pytest.approx(two.scores()[0], abs=0.02)


def test_folds_do_not_depend_on_what_else_is_drawn_at_once(draw_rates, monkeypatch):
    rates = draw_rates(np.random.default_rng(5), 20, 10, [0.7], [0.8])
    (folds,) = draw_folds([rates], n_folds=300, seed=1)
    assert (draw_folds([rates], n_folds=300, seed=1)[0].overall.score == folds.overall.score).all()
    monkeypatch.setattr(bootstrap, "BLOCK_BYTES", 4 * 30 * 7)  # seven folds at a time
    blocks = draw_folds([rates], n_folds=300, seed=1)[0].overall.score
    assert blocks.shape == folds.overall.score.shape
    assert blocks.mean() == pytest.approx(folds.overall.score.mean(), abs=0.02)


def test_the_value_itself_is_always_inside():
    found = interval(np.array([0.2, 0.3, 0.4]), 1.0)
    assert found.high == 1.0 and found.low == pytest.approx(0.205)
    assert not math.isnan(found.low)
