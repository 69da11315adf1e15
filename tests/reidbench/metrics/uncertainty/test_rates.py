import numpy as np
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.summary import summarise_predictions
from reidbench.metrics.uncertainty.rates import IdentityRates, identity_rates


def test_rates_are_averaged_within_an_animal_for_every_run():
    rates = identity_rates(
        ["a", "a", "b", "n", "n"],
        [True, True, True, False, False],
        ["L"] * 5,
        [["a", "b", "b", NEW_IDENTITY, "a"], ["a", "a", NEW_IDENTITY, NEW_IDENTITY, NEW_IDENTITY]],
    )
    assert rates.rate.tolist() == [[0.5, 1.0], [1.0, 0.0], [0.5, 1.0]]
    assert rates.known.tolist() == [True, True, False]
    assert rates.scores() == pytest.approx([np.sqrt(0.75 * 0.5), np.sqrt(0.5)])


def test_scores_equal_those_of_the_summary_on_random_answers():
    rng = np.random.default_rng(0)
    animal = rng.integers(0, 30, 400)
    group = np.where(animal % 3 == 0, "L", np.where(animal % 3 == 1, "S", "T"))
    known = (animal % 5 > 0) | (animal % 3 == 2)  # T has no unknown animals and is left out
    true = np.array([f"x{i}" for i in animal])
    predicted = np.where(rng.random(400) < 0.6, true, np.where(rng.random(400) < 0.5, NEW_IDENTITY, "x0"))
    rates = identity_rates(true, known, group, [predicted])
    overall = summarise_predictions(true, known, group, predicted).overall
    assert rates.scores()[0] == pytest.approx(overall.score, abs=1e-12)
    assert rates.rate[rates.known].mean() == pytest.approx(overall.baks, abs=1e-12)
    assert rates.count(False) == overall.n_unknown_identities
    assert rates.counted_groups() == ["L", "S"]


def test_one_name_in_two_groups_is_two_animals():
    rates = identity_rates(["a", "a"], [True, True], ["L", "S"], [["a", NEW_IDENTITY]])
    assert len(rates.animal) == 2 and np.isnan(rates.scores()).all()


def test_rates_outside_zero_and_one_are_refused():
    with pytest.raises(ValueError, match="rates"):
        IdentityRates(np.array(["a"]), np.array(["g"]), np.array([True]), np.array([[1.5]]))
