"""Pairs are drawn fairly: every pair of a class has one chance, weights add up, folds hold out both ends."""

import numpy as np

from reidbench.calibration import pairs as module
from reidbench.calibration.pairs import all_pairs_within, identity_folds, sample_pairs, sample_pairs_within


def test_all_pairs_are_taken_where_they_fit():
    drawn = sample_pairs(np.array([0, 1, 5]), np.array([0, 0, 1, 2]), budget=100, seed=0)
    found = {(int(i), int(j)): bool(same) for i, j, same in zip(drawn.query, drawn.gallery, drawn.same, strict=True)}
    identity = ([0, 1, 5], [0, 0, 1, 2])
    assert found == {(i, j): identity[0][i] == identity[1][j] for i in range(3) for j in range(4)}
    assert drawn.weight.tolist() == [1.0] * 12


def test_a_sample_weighs_what_it_stands_for(monkeypatch):
    query, gallery = np.repeat(np.arange(20), 5), np.repeat(np.arange(30), 10)
    for enumerated in (1 << 22, 10):  # listed, and drawn by rejection
        monkeypatch.setattr(module, "ENUMERATED", enumerated)
        drawn = sample_pairs(query, gallery, budget=1000, seed=3)
        assert len(drawn) == 1000 and drawn.same.sum() == 500
        assert len(np.unique(drawn.query * 300 + drawn.gallery)) == 1000
        assert (query[drawn.query] == gallery[drawn.gallery]).tolist() == drawn.same.tolist()
        np.testing.assert_allclose(drawn.weight[drawn.same].sum(), 20 * 5 * 10)
        np.testing.assert_allclose(drawn.weight[~drawn.same].sum(), 100 * 300 - 1000)
        again = sample_pairs(query, gallery, budget=1000, seed=3)
        assert again.indices.tolist() == drawn.indices.tolist()


def test_pairs_within_one_set_leave_out_itself_its_mirror_and_its_encounter():
    identity = np.array([0, 0, 0, 1])
    encounter = np.array(["a", "a", "b", "c"])
    drawn = sample_pairs_within(identity, encounter, budget=100, seed=0)
    same = {(int(i), int(j)) for i, j in drawn.indices[drawn.same]}
    other = {(int(i), int(j)) for i, j in drawn.indices[~drawn.same]}
    assert same == {(0, 2), (1, 2)} and other == {(0, 3), (1, 3), (2, 3)}
    assert len(all_pairs_within(identity)) == 6 and all_pairs_within(identity).same.sum() == 3


def test_folds_are_even_and_few_identities_make_few():
    fold = identity_folds(23, 5, seed=1)
    assert sorted(np.bincount(fold)) == [4, 4, 5, 5, 5]
    assert identity_folds(2, 5, seed=1).max() == 1 and identity_folds(1, 5, seed=1).max() == 0
