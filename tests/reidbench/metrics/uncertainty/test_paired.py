"""Identical methods are called different as often as the level says; worked cases by full enumeration."""

from itertools import product

import numpy as np
import pytest

from reidbench.metrics.uncertainty.paired import beats, holm, sign_flip_p_values
from reidbench.metrics.uncertainty.rates import IdentityRates


def test_every_exchange_of_few_animals_is_counted():
    rate = np.array([[1.0, 0.5], [0.5, 0.0], [1.0, 0.0], [0.5, 1.0], [1.0, 0.5]])
    known = np.array([True, True, True, False, False])
    part = IdentityRates(np.array(list("abcde")), np.array(["g"] * 5), known, rate)

    def difference(table):
        sides = [table[known].mean(axis=0), table[~known].mean(axis=0)]
        score = np.sqrt(sides[0] * sides[1])
        return score[0] - score[1]

    exchanged = [
        difference(np.where(np.array(flip)[:, None], rate[:, ::-1], rate)) for flip in product([False, True], repeat=5)
    ]
    exact = np.mean(np.abs(exchanged) >= abs(difference(rate)) - 1e-9)
    (found,) = sign_flip_p_values([part], [(0, 1)], n_flips=20_000)
    assert found == pytest.approx(exact, abs=0.012)


@pytest.mark.parametrize(("n_known", "n_unknown", "trials"), [(40, 18, 600), (23, 6, 400)])
def test_identical_methods_differ_in_five_percent(draw_rates, n_known, n_unknown, trials):
    rng = np.random.default_rng(n_known)
    called = 0
    for _ in range(trials):
        rates = draw_rates(rng, n_known, n_unknown, [0.7, 0.7], [0.8, 0.8])
        called += sign_flip_p_values([rates], [(0, 1)], n_flips=399, seed=int(rng.integers(2**31)))[0] <= 0.05
    error = np.sqrt(0.05 * 0.95 / trials)
    assert abs(called / trials - 0.05) <= 2.6 * error


def test_methods_that_differ_are_found_and_equal_answers_never():
    rng = np.random.default_rng(0)
    base = rng.random((60, 1)) * 0.5
    known = np.arange(60) < 40
    names, group = np.array([f"{i:02d}" for i in range(60)]), np.array(["g"] * 60)
    part = IdentityRates(names, group, known, np.hstack([base + 0.4, base, base]))
    better, same = sign_flip_p_values([part], [(0, 1), (1, 2)], n_flips=999)
    assert better == pytest.approx(0.001) and same == 1.0


def test_an_animal_is_exchanged_on_all_splits_at_once():
    # Two splits that ask the same one known and one unknown animal: two independent flips, not four.
    rate = np.array([[1.0, 0.0], [1.0, 0.25]])
    part = IdentityRates(np.array(["a", "n"]), np.array(["g"] * 2), np.array([True, False]), rate)
    single, double = (sign_flip_p_values(parts, [(0, 1)], n_flips=8000)[0] for parts in ([part], [part, part]))
    assert single == pytest.approx(double, abs=0.02)


def test_no_group_with_both_sides_gives_no_p_value():
    part = IdentityRates(np.array(["a"]), np.array(["g"]), np.array([True]), np.array([[1.0, 0.0]]))
    assert np.isnan(sign_flip_p_values([part], [(0, 1)])).all()


def test_holm_steps_down_and_leaves_undefined_values():
    assert holm([0.01, np.nan, 0.02, 0.03])[[0, 2, 3]] == pytest.approx([0.03, 0.04, 0.04])
    assert np.isnan(holm([0.01, np.nan])[1])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_a_tie_is_half_a_win():
    assert beats(np.zeros(4), np.zeros(4)) == 0.5
