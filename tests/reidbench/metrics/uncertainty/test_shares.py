import math

import pytest

from reidbench.metrics.uncertainty.shares import AnimalCounts, wilson_interval


def closed_form(n_true, n, z=1.959963984540054):
    """Wilson's formula, JASA 1927."""
    share = n_true / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


@pytest.mark.parametrize("n", [1, 2, 7, 40, 5000])
def test_the_interval_of_a_share_is_wilsons(n):
    for n_true in {0, 1, n // 3, n - 1, n}:
        found = wilson_interval(n_true, n)
        assert (found.low, found.high) == pytest.approx(closed_form(n_true, n), abs=1e-12)
        assert found.level == 0.95


def test_a_share_of_nothing_has_no_interval():
    for n_true, n in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="n"):
            wilson_interval(n_true, n)


def test_photographs_are_counted_by_animal():
    counts = AnimalCounts.of(["a", "b", "a", "b"], [True, False, True, False])
    assert (counts.share, counts.n_animal, counts.n_photograph) == (0.5, 2, 4)
    assert counts.likeness == 1.0  # the photographs of one animal are all alike
    interval = counts.interval()
    assert interval.low < 0.5 < interval.high and interval.high - interval.low > 0.6  # two animals tell little
    assert AnimalCounts.of([], []).interval() is None
