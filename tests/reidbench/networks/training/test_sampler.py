"""The M×K sampler: shape of batches, uniform identities, and a state that can be taken up again."""

from __future__ import annotations

import numpy as np

from reidbench.networks.training.sampler import IdentitySampler

LABELS = np.array([0] * 10 + [1] * 2 + [2] * 3 + [3] * 1)


def test_a_batch_has_k_images_of_each_of_m_identities():
    for batch in IdentitySampler(LABELS, 3, 4, seed=1).epoch():
        counts = np.bincount(LABELS[batch], minlength=4)
        assert sorted(counts.tolist()) == [0, 4, 4, 4]


def test_images_repeat_only_where_an_identity_has_too_few():
    for batch in IdentitySampler(LABELS, 4, 4, seed=0).epoch():
        rows = batch[LABELS[batch] == 0]
        assert len(set(rows.tolist())) == 4


def test_epoch_length_rounds_up():
    assert len(IdentitySampler(LABELS, 2, 4, seed=0)) == 2  # 16 / 8
    assert len(IdentitySampler(LABELS, 3, 4, seed=0)) == 2  # 16 / 12


def test_fewer_identities_than_m_are_all_used():
    (batch, *_) = IdentitySampler(LABELS, 9, 2, seed=0).epoch()
    assert np.bincount(LABELS[batch]).tolist() == [2, 2, 2, 2]


def test_identities_are_uniform_whatever_their_number_of_images():
    sampler = IdentitySampler(LABELS, 2, 2, seed=3)
    drawn = np.concatenate([LABELS[batch] for _ in range(500) for batch in sampler.epoch()])
    assert np.allclose(np.bincount(drawn) / len(drawn), 0.25, atol=0.02)


def test_state_goes_on_where_it_was():
    sampler = IdentitySampler(LABELS, 2, 2, seed=5)
    list(sampler.epoch())
    state = sampler.state()
    expected = [batch.tolist() for batch in sampler.epoch()]
    other = IdentitySampler(LABELS, 2, 2, seed=99)
    other.restore(state)
    assert [batch.tolist() for batch in other.epoch()] == expected


def test_one_group_per_batch_never_mixes_and_skips_lone_identities():
    groups = ["lynx"] * 12 + ["turtle"] * 3 + ["newt"]
    labels = np.array([0] * 6 + [1] * 6 + [2, 2, 3, 4])
    for batch in IdentitySampler(labels, 2, 2, seed=0, groups=groups).epoch():
        found = {groups[i] for i in batch}
        assert len(found) == 1 and found != {"newt"}
