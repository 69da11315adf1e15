import numpy as np
import pytest

from reidbench.metrics.uncertainty.components import variance_components
from reidbench.metrics.uncertainty.detectable import smallest_detectable
from reidbench.metrics.uncertainty.paired import sign_flip_p_values


def test_components_are_told_apart_in_simulation():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):
        splits = rng.normal(0, 0.03, 6) + rng.normal(0, 0.02, 6)
        scores = [list(0.5 + split + rng.normal(0, 0.04, 3)) for split in splits]
        found.append(variance_components(scores, query_variance=0.02**2))
    assert np.mean([each.seeds**2 for each in found]) == pytest.approx(0.04**2, rel=0.05)
    assert np.mean([each.splits**2 for each in found]) == pytest.approx(0.03**2, rel=0.2)
    assert found[0].queries == pytest.approx(0.02)


def test_animals_that_all_splits_ask_are_not_taken_off_the_variance_of_splits():
    scores = [[0.40], [0.50], [0.60]]  # variance of the means .01
    apart = variance_components(scores, query_variance=0.006)
    shared = variance_components(scores, query_variance=0.006, query_variance_between=0.001)
    assert apart.splits == pytest.approx(0.004**0.5) and shared.splits == pytest.approx(0.009**0.5)
    assert apart.queries == shared.queries == pytest.approx(0.006**0.5)


def test_what_was_not_varied_has_no_component():
    found = variance_components([[0.5]], None)
    assert (found.queries, found.splits, found.seeds) == (None, None, None)


def test_the_detectable_difference_is_found_four_times_in_five(draw_rates):
    rng = np.random.default_rng(1)
    pilot = draw_rates(rng, 4000, 2000, [0.6, 0.6], [0.8, 0.8])
    error = np.sqrt(
        sum(
            (np.diff(pilot.rate[pilot.rows("g", known)], axis=1).std() * weight) ** 2 / n
            for known, weight, n in ((True, np.sqrt(0.8 / 0.6) / 2, 120), (False, np.sqrt(0.6 / 0.8) / 2, 60))
        )
    )
    better = (np.sqrt(0.6 * 0.8) + smallest_detectable(error)) ** 2 / 0.8
    found = [
        sign_flip_p_values([draw_rates(rng, 120, 60, [better, 0.6], [0.8, 0.8])], [(0, 1)], n_flips=299)[0] <= 0.05
        for _ in range(300)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)
