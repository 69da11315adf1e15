"""Cluster metrics, worked by hand."""

import numpy as np
import pytest

from reidbench.metrics.clustering import score_clusters


def pairs_ari(true, cluster):
    """The adjusted Rand index from its definition over pairs."""
    n = len(true)
    same_true, same_cluster = (
        np.array([values[i] == values[j] for i in range(n) for j in range(i)]) for values in (true, cluster)
    )
    both, total = (same_true & same_cluster).sum(), len(same_true)
    expected = same_true.sum() * same_cluster.sum() / total
    return (both - expected) / ((same_true.sum() + same_cluster.sum()) / 2 - expected)


def test_ari_is_that_of_its_definition_and_groups_weigh_the_same():
    true = ["a", "a", "a", "b", "b", "c", "x", "x"]
    cluster = ["1", "1", "2", "2", "2", "3", "1", "1"]
    group = ["g"] * 6 + ["h"] * 2
    found = score_clusters(true, cluster, group)
    assert found.groups["g"].ari == pytest.approx(pairs_ari(true[:6], cluster[:6]))
    assert found.groups["g"].ari == pytest.approx((2 - 4 * 4 / 15) / (4 - 4 * 4 / 15))
    assert found.groups["h"].ari == 1.0  # cluster 1 of another group is another cluster
    assert found.overall.ari == pytest.approx((found.groups["g"].ari + 1) / 2)
    assert (found.overall.n_images, found.overall.n_animals, found.overall.n_found) == (8, 4, 4)


def test_random_draws_agree_with_the_definition():
    random = np.random.default_rng(0)
    for _ in range(20):
        true, cluster = random.integers(0, 4, 15).astype(str), random.integers(0, 5, 15).astype(str)
        assert score_clusters(true, cluster, ["g"] * 15).overall.ari == pytest.approx(pairs_ari(true, cluster))


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="shapes"):
        score_clusters([], [], [])
    with pytest.raises(ValueError, match="shapes"):
        score_clusters(["a"], ["1", "2"], ["g"])
