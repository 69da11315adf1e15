"""The bound of conformal thresholds, what so few animals can't bear, and the score it stands above."""

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.thresholds import parse_policy


def unknown(episode, scores, group="L"):
    return [(f"{group}n{i}", False, group, "a", score) for i, score in enumerate(scores)]


@pytest.mark.parametrize(("rate", "needed"), [("0.1", 9), ("0.05", 19), ("0.01", 99)])
def test_it_needs_one_over_the_rate_minus_one_animals(episode, rate, needed):
    enough = episode(unknown(episode, np.linspace(0, 1, needed)))
    chosen = parse_policy(f"conformal={rate}").choose(enough)
    assert chosen.value == np.nextafter(1.0, np.inf)  # the smallest number that suffices stands above them all
    with pytest.raises(ReidbenchError, match=f"{needed - 1} unknown identities; a rate of {rate} needs {needed}"):
        parse_policy(f"conformal={rate}").choose(episode(unknown(episode, np.linspace(0, 1, needed - 1))))


def test_the_refusal_names_a_rate_that_can_be_had(episode):
    few = episode(unknown(episode, np.linspace(0, 1, 6)))
    with pytest.raises(ReidbenchError) as caught:
        parse_policy("conformal=0.1").choose(few)
    proposed = caught.value.remedy.rpartition("--threshold ")[2]
    assert proposed == "conformal=0.1429"  # 1/7 rounded up
    assert np.isfinite(parse_policy(proposed).choose(few).value)


def test_an_animal_counts_once_by_its_highest_score(episode):
    # 0.5 of 3 animals: the second of the highest scores 0.3, 0.6, 0.9; the many low photographs change nothing.
    rows = [("n", False, "L", "a", score) for score in (0.1, 0.1, 0.1, 0.1, 0.9)]
    rows += [("m", False, "L", "a", 0.3), ("o", False, "L", "a", 0.6)]
    assert parse_policy("conformal=0.5").choose(episode(rows)).value == np.nextafter(0.6, np.inf)


def test_a_group_that_cannot_bear_it_is_named_and_one_without_unknown_animals_takes_the_pooled(episode):
    rows = unknown(episode, np.linspace(0, 1, 9), "L") + unknown(episode, [0.2], "S")
    with pytest.raises(ReidbenchError, match="group 'S' has 1 unknown identities"):
        parse_policy("conformal=0.1:group").choose(episode(rows))
    rows = unknown(episode, np.linspace(0, 1, 9), "L") + [("k", True, "T", "k", 0.4)]
    chosen = parse_policy("conformal=0.1:group").choose(episode(rows))
    assert chosen.values["T"] == chosen.value and "group 'T' has no unknown" in chosen.notes[0]


@pytest.mark.parametrize("text", ["conformal", "conformal=0", "conformal=1", "conformal=often", "conformal=0.1:shrunk"])
def test_what_is_no_rate_or_has_no_bound_is_refused(text):
    with pytest.raises(ReidbenchError):
        parse_policy(text)


@pytest.mark.parametrize("n_unknown", [9, 25, 60])
def test_the_bound_holds_in_simulation_with_photographs_of_one_animal_alike(simulated, n_unknown):
    rng = np.random.default_rng(n_unknown)
    policy, rate, trials = parse_policy("conformal=0.1"), 0.1, 600
    accepted = 0
    for _ in range(trials):
        limit = policy.choose(simulated(rng, n_known=1, n_unknown=n_unknown)).value
        accepted += bool((simulated(rng, n_known=0, n_unknown=1).best_score >= limit).any())
    error = np.sqrt(rate * (1 - rate) / trials)
    assert accepted / trials <= rate + 3 * error
    # Not only valid: the bound is as tight as the number of animals lets it be.
    exact = 1 - np.ceil((1 - rate) * (n_unknown + 1) - 1e-9) / (n_unknown + 1)
    assert accepted / trials >= exact - 3 * error
