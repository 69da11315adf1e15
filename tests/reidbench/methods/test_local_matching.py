"""Keypoints are matched for many pairs at once as they are one by one."""

import numpy as np
import pytest

from reidbench.methods import local_matching
from reidbench.methods.local_matching import Matches, count_inliers, match_descriptors, match_mutual
from reidbench.methods.representation import Ragged


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


@pytest.fixture
def features():
    """Images of different keypoint counts that share some descriptors; the third has one keypoint, the fourth none."""
    rng = np.random.default_rng(0)
    common = unit(rng.normal(size=(40, 16)))
    sets = []
    for n_shared, n_own in ((25, 10), (18, 3), (1, 0), (0, 0), (30, 22)):
        noisy = unit(common[rng.permutation(40)[:n_shared]] + 0.08 * rng.normal(size=(n_shared, 16)))
        sets.append(np.concatenate([noisy, unit(rng.normal(size=(n_own, 16)))]).astype(np.float32))
    return Ragged.from_rows(sets)


def brute_force(query, gallery, ratio):
    """The definition, one keypoint at a time, from distances."""
    if len(query) < 2 or len(gallery) < 2:
        return []
    distance = np.linalg.norm(query[:, None].astype(np.float64) - gallery[None].astype(np.float64), axis=2)
    found = []
    for i in range(len(query)):
        order = np.argsort(distance[i])
        if distance[:, order[0]].argmin() == i and distance[i, order[0]] < ratio * distance[i, order[1]]:
            found.append([i, int(order[0])])
    return found


@pytest.mark.parametrize("block", [1 << 22, 500])  # one product for all, and a pair at a time
def test_many_pairs_match_as_the_definition_says(features, monkeypatch, block):
    monkeypatch.setattr(local_matching, "BLOCK", block)
    pairs = np.array([(i, j) for i in range(5) for j in range(5)])[::-1].copy()
    matches = match_mutual(features, features, pairs, ratio=0.8)
    total = 0
    for number, (i, j) in enumerate(pairs):
        expected = brute_force(features[i], features[j], 0.8)
        assert matches.of(number).tolist() == expected
        total += len(expected)
    assert total > 60 and len(matches) == total
    assert matches.counts(25).tolist() == [len(matches.of(n)) for n in range(25)]
    assert ((matches.confidence > 0.2 - 1e-6) & (matches.confidence <= 1)).all()


def test_half_precision_descriptors_from_a_store_are_taken_as_they_are(features):
    stored = Ragged(features.values.astype(np.float16), features.starts, features.counts)
    pairs = np.array([[0, 1], [4, 0]])
    both = [match_mutual(each, each, pairs).counts(2) for each in (features, stored)]
    assert np.abs(both[0] - both[1]).max() <= 1 and both[0].min() > 3


def test_descriptors_may_be_kept_smaller_and_unpacked_where_they_are_compared():
    """Whole numbers of 8 bits, made unit vectors in blocks of unequal length, match as those vectors do."""
    noise = np.random.default_rng(8).integers(0, 12, (16, 16))
    things = (200 * np.eye(16) + noise).astype(np.uint8)  # each its own, and alike to no other
    kept = Ragged.from_rows([things[:12], things[:9], np.concatenate([things[3:8], things[12:]])])

    def unpack(values):
        return values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12)

    whole = Ragged(unpack(kept.values.astype(np.float32)), kept.starts, kept.counts)
    pairs = np.array([[0, 1], [0, 2], [2, 0], [1, 2]])
    found, expected = match_mutual(kept, kept, pairs, unpack=unpack), match_mutual(whole, whole, pairs)
    assert found.counts(4).tolist() == expected.counts(4).tolist() == [9, 5, 5, 5]
    for pair in range(4):
        assert found.of(pair).tolist() == expected.of(pair).tolist()


def test_equal_descriptors_match_once():
    twice = np.repeat(np.eye(4, dtype=np.float32)[:2], 2, axis=0)
    assert match_descriptors(twice, np.eye(4, dtype=np.float32)).tolist() == [[0, 0], [2, 1]]


def test_no_pairs_and_no_keypoints_are_no_matches(features):
    assert len(match_mutual(features, features, np.zeros((0, 2), np.int64))) == 0
    none = match_mutual(features, features, np.array([[3, 0], [0, 3], [2, 0]]))
    assert none.counts(3).tolist() == [0, 0, 0]


def test_tables_join_in_the_order_of_pairs():
    first = Matches(np.array([2, 2]), np.array([5, 1]), np.array([0, 3]), np.zeros(2, np.float32))
    second = Matches(np.array([0]), np.array([9]), np.array([9]), np.ones(1, np.float32))
    joined = Matches.join([first, second])
    assert joined.pair.tolist() == [0, 2, 2] and joined.of(2).tolist() == [[1, 3], [5, 0]]


@pytest.mark.parametrize("geometry", ["affine", "homography", "fundamental"])
def test_matches_that_one_model_explains_are_counted(geometry):
    rng = np.random.default_rng(3)
    left = rng.uniform(0.1, 0.9, size=(40, 2))
    turn = np.array([[0.8, -0.3], [0.25, 0.9]])
    right = left @ turn.T + [0.1, 0.05]
    wrong = rng.permutation(40)[:15]
    right[wrong] = rng.uniform(0, 1, size=(15, 2))
    points = [Ragged.from_rows([side.astype(np.float32)]) for side in (left, right)]
    index = np.arange(40)
    matches = Matches(np.zeros(40, np.int64), index, index, np.ones(40, np.float32))
    pair = np.zeros((1, 2), np.int64)
    counts = [int(count_inliers(matches, *points, pair, geometry)[0]) for _ in range(3)]
    assert len(set(counts)) == 1  # repeats
    assert 25 <= counts[0] <= (28 if geometry != "fundamental" else 34)  # a point near its line satisfies the last
    assert count_inliers(matches, *points, pair, "none").tolist() == [40]


def test_too_few_matches_for_a_model_are_nought():
    points = Ragged.from_rows([np.zeros((2, 2), np.float32)])
    two = Matches(np.zeros(2, np.int64), np.arange(2), np.arange(2), np.ones(2, np.float32))
    assert count_inliers(two, points, points, np.zeros((1, 2), np.int64), "homography").tolist() == [0]
