"""The estimate of a population, worked by hand, and the coverage of its interval in simulations."""

import math

import numpy as np
import pytest

from reidbench.counting.population import (
    MeasuredErrors,
    Population,
    TooLittleData,
    chapman,
    estimate_population,
    overdispersion,
    total,
)

REGIMES = {
    # population, enrolled, photographs of each animal (mean, size of the negative binomial), false new, mis-identified,
    # false match, correlation of errors within animals, labelled animals on each side
    "few errors": (300, 120, 1.0, np.inf, 0.05, 0.02, 0.05, 0.0, 40),
    "many errors": (300, 150, 1.5, np.inf, 0.25, 0.05, 0.15, 0.1, 60),
    "seen unevenly": (400, 160, 1.5, 0.7, 0.15, 0.05, 0.10, 0.2, 50),
    "few labelled animals": (200, 100, 2.0, np.inf, 0.20, 0.05, 0.10, 0.1, 20),
    "few recaptures": (500, 60, 0.6, np.inf, 0.15, 0.05, 0.03, 0.0, 60),
}


def rates(mean, likeness, n, rng):
    """Draw the error rate of each animal from a beta distribution; ``likeness`` is the intraclass correlation."""
    if not likeness:
        return np.full(n, mean)
    size = (1 - likeness) / likeness
    return rng.beta(mean * size, (1 - mean) * size, n)


def photographed(n, mean, size, rng):
    return rng.poisson(mean, n) if math.isinf(size) else rng.negative_binomial(size, size / (size + mean), n)


def labelled(regime, rng):
    """Simulate photographs of known animals: half enrolled, half new, three photographs each on average."""
    _, _, _, _, false_new, wrong, false_match, likeness, animals = regime
    animal, known, accepted, right = [], [], [], []
    for side, rate in ((True, false_new), (False, false_match)):
        counts, own = 1 + rng.poisson(2, animals), rates(rate, likeness, animals, rng)
        for index, (count, fails) in enumerate(zip(counts, own, strict=True)):
            error = rng.random(count) < fails
            animal += [f"{side}{index}"] * count
            known += [side] * count
            accepted += (~error if side else error).tolist()
            right += (rng.random(count) >= wrong / (1 - rate)).tolist()
    return MeasuredErrors.of(animal, known, accepted, right)


def season(regime, rng):
    """Simulate photographs of a population and predictions with errors."""
    n, marked, mean, size, false_new, wrong, false_match, likeness, _ = regime
    names = np.array([f"a{i}" for i in range(marked)])
    counts = photographed(n, mean, size, rng)
    known, new = rates(false_new, likeness, marked, rng), rates(false_match, likeness, n - marked, rng)
    answered = []
    for index, count in enumerate(counts):
        for chance in rng.random(count):
            if index >= marked:
                answered.append(str(rng.choice(names)) if chance < new[index - marked] else None)
            elif chance < known[index]:
                answered.append(None)
            else:
                answered.append(str(rng.choice(names)) if rng.random() < wrong / (1 - false_new) else names[index])
    return answered


def coverage(regime, trials, seed=0):
    rng = np.random.default_rng(seed)
    held, values, naive, refused = 0, [], [], 0
    for _ in range(trials):
        errors, answered = labelled(regime, rng), season(regime, rng)
        try:
            population = estimate_population(answered, regime[1], errors)
        except TooLittleData:
            refused += 1
            continue
        held += population.corrected.low <= regime[0] <= population.corrected.high
        values.append(population.corrected.value)
        naive.append(population.naive)
    n_estimate = trials - refused
    return held / n_estimate, np.median(values) / regime[0], np.median(naive) / regime[0], refused / trials


@pytest.mark.parametrize("name", REGIMES)
def test_the_interval_contains_the_true_number(name):
    held, middle, _, refused = coverage(REGIMES[name], 40)
    assert held >= 0.85  # in 40 trials, a 95 % interval falls below this once in 200 times
    assert abs(middle - 1) < 0.12 and refused < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", REGIMES)
def test_the_interval_contains_the_true_number_in_93_of_100_seasons(name):
    held, middle, _, _ = coverage(REGIMES[name], 1000, seed=1)
    assert held >= 0.93
    assert abs(middle - 1) < 0.06


def test_without_correction_errors_bias_the_estimate():
    _, middle, naive, _ = coverage(REGIMES["many errors"], 40)
    assert naive > 1.06 and abs(middle - 1) < 0.05


def no_errors(side=40):
    animal = [f"{known}{i}" for known in "kn" for i in range(side)]
    known = [name.startswith("k") for name in animal]
    return MeasuredErrors.of(animal, known, known, known)


def test_chapmans_estimate_worked_by_hand():
    assert chapman(100, 50, 20) == pytest.approx(101 * 51 / 21 - 1)


def test_without_errors_the_estimate_is_chapmans():
    """20 of 50 photographs show one marked animal each; only the uncertainty of the zero error rates is added."""
    population = estimate_population([f"a{i}" for i in range(20)] + [None] * 30, 100, no_errors(4000))
    assert population.naive == pytest.approx(244.2857, abs=1e-3)
    assert population.corrected.value == pytest.approx(population.naive, rel=0.01)
    assert population.corrected.low < 200 and 290 < population.corrected.high < 420


def test_false_new_predictions_are_corrected():
    """A quarter of the photographs of marked animals is missed, so 30 predicted as known mean 40 of 100."""
    animal = [f"k{i // 4}" for i in range(400)] + [f"n{i}" for i in range(100)]
    known = np.arange(500) < 400
    accepted = known & (np.arange(500) % 4 > 0)
    errors = MeasuredErrors.of(animal, known, accepted, accepted)
    assert errors.false_new.share == 0.25 and errors.false_match.share == 0
    population = estimate_population([f"a{i}" for i in range(30)] + [None] * 70, 60, errors)
    assert population.known_share == pytest.approx(0.4)
    assert population.corrected.value == pytest.approx(150, rel=0.05) and population.naive > 190


def test_overdispersion_worked_by_hand():
    # counts 2, 2, 0, 0: mean 1, variance 4/3, 3 degrees of freedom; with a share of 2/3 found, 1 + (1/3) / (2/3) = 1.5
    assert overdispersion(np.array([2, 2]), 4, 1.0) == pytest.approx(4 / 3 * (1 + (2 / 3) ** 0.5))
    assert overdispersion(np.array([2, 2]), 4, 2 / 3) == pytest.approx(1.5 * (1 + (2 / 3) ** 0.5))
    assert overdispersion(np.ones(4), 4, 1.0) == 1.0  # never below 1


@pytest.mark.parametrize(
    ("answered", "marked", "errors", "message"),
    [
        (["a"] * 30 + [None] * 30, 50, no_errors(4), "measured on 4 animals; 5 are needed"),
        (["a"] * 10, 50, no_errors(), "there are 10 photographs; 20 are needed"),
        (["a"] * 4 + [None] * 30, 50, no_errors(), "4 photographs are predicted as enrolled animals; 5 are needed"),
        (["a"] * 30 + [None] * 30, 4, no_errors(), "4 animals are enrolled; 5 are needed"),
    ],
)
def test_with_too_little_data_there_is_no_estimate(answered, marked, errors, message):
    with pytest.raises(TooLittleData, match=message):
        estimate_population(answered, marked, errors)


def test_a_method_that_guesses_gives_no_estimate():
    animal = [f"{known}{i}" for known in "kn" for i in range(40)]
    known = [name.startswith("k") for name in animal]
    guessed = np.arange(80) % 2 == 0
    with pytest.raises(TooLittleData, match="hardly distinguishes known from new animals"):
        estimate_population(["a", None] * 40, 50, MeasuredErrors.of(animal, known, guessed, guessed))


def test_recaptures_that_false_matches_explain_give_no_estimate():
    animal = [f"{known}{i}" for known in "kn" for i in range(100)]
    known = np.arange(200) < 100
    accepted = known | (np.arange(200) >= 170)
    with pytest.raises(TooLittleData, match="false matches alone explain 30%"):
        estimate_population(["a"] * 20 + [None] * 80, 50, MeasuredErrors.of(animal, known, accepted, known))


def test_the_estimates_of_groups_are_added():
    population = estimate_population([f"a{i}" for i in range(20)] + [None] * 30, 100, no_errors())
    both = total([population, population])
    assert both.value == pytest.approx(2 * population.corrected.value)
    assert both.high - both.low < 2 * (population.corrected.high - population.corrected.low)
    assert isinstance(population, Population)
