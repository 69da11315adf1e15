import numpy as np
import pytest

from reidbench.metrics.chance import chance_score


@pytest.mark.parametrize("n", [1, 7, 587])
def test_chance_is_the_best_blind_coin(n):
    p = np.linspace(0, 1, 100_001)
    assert chance_score(n) == pytest.approx(np.sqrt((1 - p) / n * p).max(), abs=1e-12)


def test_an_empty_gallery_has_no_chance():
    assert np.isnan(chance_score(0))
