"""The estimate of a population: by hand where it can be, and by simulation whether its interval holds."""

import math

import numpy as np
import pytest

from reidbench.counting.population import (
    MeasuredErrors,
    Population,
    TooLittle,
    chapman,
    estimate_population,
    overdispersion,
    total,
)

REGIMES = {
    # population, enrolled, photographs of each animal (mean, size of the negative binomial), false new, mis-identified,
    # false match, sharing of errors within animals, labelled animals of each side
    "few errors": (300, 120, 1.0, np.inf, 0.05, 0.02, 0.05, 0.0, 40),
    "many errors": (300, 150, 1.5, np.inf, 0.25, 0.05, 0.15, 0.1, 60),
    "seen unevenly": (400, 160, 1.5, 0.7, 0.15, 0.05, 0.10, 0.2, 50),
    "few labelled animals": (200, 100, 2.0, np.inf, 0.20, 0.05, 0.10, 0.1, 20),
    "few recaptures": (500, 60, 0.6, np.inf, 0.15, 0.05, 0.03, 0.0, 60),
}


def rates(mean, likeness, n, rng):
    """Draw each animal's own rate of error: beta with the mean, its intraclass correlation the likeness."""
    if not likeness:
        return np.full(n, mean)
    size = (1 - likeness) / likeness
    return rng.beta(mean * size, (1 - mean) * size, n)


def photographed(n, mean, size, rng):
    return rng.poisson(mean, n) if math.isinf(size) else rng.negative_binomial(size, size / (size + mean), n)


def labelled(regime, rng):
    """Photograph animals whose names are known: half enrolled, half not, three times each on average."""
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
    """Photograph a population and answer every photograph."""
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
            found = estimate_population(answered, regime[1], errors)
        except TooLittle:
            refused += 1
            continue
        held += found.corrected.low <= regime[0] <= found.corrected.high
        values.append(found.corrected.value)
        naive.append(found.naive)
    made = trials - refused
    return held / made, np.median(values) / regime[0], np.median(naive) / regime[0], refused / trials


@pytest.mark.parametrize("name", REGIMES)
def test_the_interval_holds(name):
    held, middle, _, refused = coverage(REGIMES[name], 40)
    assert held >= 0.85  # 40 trials of a 95 % interval fall below that once in 200
    assert abs(middle - 1) < 0.12 and refused < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", REGIMES)
def test_the_interval_holds_in_at_least_93_of_100(name):
    held, middle, _, _ = coverage(REGIMES[name], 1000, seed=1)
    assert held >= 0.93
    assert abs(middle - 1) < 0.06


def test_errors_that_are_not_corrected_make_a_population_of_another_size():
    _, middle, naive, _ = coverage(REGIMES["many errors"], 40)
    assert naive > 1.06 and abs(middle - 1) < 0.05


def sure(side=40):
    animal = [f"{known}{i}" for known in "kn" for i in range(side)]
    known = [name.startswith("k") for name in animal]
    return MeasuredErrors.of(animal, known, known, known)


def test_chapman_by_hand():
    assert chapman(100, 50, 20) == pytest.approx(101 * 51 / 21 - 1)


def test_without_errors_it_is_chapmans():
    """20 of 50 photographs show one marked animal each; only the doubt about errors that were never seen differs."""
    found = estimate_population([f"a{i}" for i in range(20)] + [None] * 30, 100, sure(4000))
    assert found.naive == pytest.approx(244.2857, abs=1e-3)
    assert found.corrected.value == pytest.approx(found.naive, rel=0.01)
    assert found.corrected.low < 200 and 290 < found.corrected.high < 420


def test_false_new_is_taken_back():
    """A quarter of the photographs of marked animals are missed: 30 answered as known were 40 of 100."""
    animal = [f"k{i // 4}" for i in range(400)] + [f"n{i}" for i in range(100)]
    known = np.arange(500) < 400
    accepted = known & (np.arange(500) % 4 > 0)
    errors = MeasuredErrors.of(animal, known, accepted, accepted)
    assert errors.false_new.share == 0.25 and errors.false_match.share == 0
    found = estimate_population([f"a{i}" for i in range(30)] + [None] * 70, 60, errors)
    assert found.known_share == pytest.approx(0.4)
    assert found.corrected.value == pytest.approx(150, rel=0.05) and found.naive > 190


def test_overdispersion_by_hand():
    # counts 2, 2, 0, 0: mean 1, variance 4/3; a third missing makes the third more than 1 a half more; 3 degrees
    assert overdispersion(np.array([2, 2]), 4, 1.0) == pytest.approx(4 / 3 * (1 + (2 / 3) ** 0.5))
    assert overdispersion(np.array([2, 2]), 4, 2 / 3) == pytest.approx(1.5 * (1 + (2 / 3) ** 0.5))
    assert overdispersion(np.ones(4), 4, 1.0) == 1.0  # more even than chance is not counted on


@pytest.mark.parametrize(
    ("answered", "marked", "errors", "message"),
    [
        (["a"] * 30 + [None] * 30, 50, sure(4), "measured on 4 of them"),
        (["a"] * 10, 50, sure(), "there are 10 photographs"),
        (["a"] * 4 + [None] * 30, 50, sure(), "4 photographs are answered"),
    ],
)
def test_too_little_is_refused(answered, marked, errors, message):
    with pytest.raises(TooLittle, match=message):
        estimate_population(answered, marked, errors)


def test_a_method_that_guesses_is_refused():
    animal = [f"{known}{i}" for known in "kn" for i in range(40)]
    known = [name.startswith("k") for name in animal]
    guessed = np.arange(80) % 2 == 0
    with pytest.raises(TooLittle, match="hardly tell known from new"):
        estimate_population(["a", None] * 40, 50, MeasuredErrors.of(animal, known, guessed, guessed))


def test_answers_that_false_matches_explain_are_refused():
    animal = [f"{known}{i}" for known in "kn" for i in range(100)]
    known = np.arange(200) < 100
    accepted = known | (np.arange(200) >= 170)
    with pytest.raises(TooLittle, match="false matches alone explain 30%"):
        estimate_population(["a"] * 20 + [None] * 80, 50, MeasuredErrors.of(animal, known, accepted, known))


def test_groups_add_up():
    found = estimate_population([f"a{i}" for i in range(20)] + [None] * 30, 100, sure())
    both = total([found, found])
    assert both.value == pytest.approx(2 * found.corrected.value)
    assert both.high - both.low < 2 * (found.corrected.high - found.corrected.low)
    assert isinstance(found, Population)
