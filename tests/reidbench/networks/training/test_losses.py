"""Batch-hard triplet loss against a plain loop, by hand, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reidbench.networks.training.losses import batch_hard_triplet, cosine_softmax


def _brute_force(embedding, labels, margin):
    losses, positives, negatives = [], [], []
    for anchor in range(len(labels)):
        distance = [float(np.sqrt(((embedding[anchor] - other) ** 2).sum())) for other in embedding]
        positive = [d for i, d in enumerate(distance) if labels[i] == labels[anchor] and i != anchor]
        negative = [d for i, d in enumerate(distance) if labels[i] != labels[anchor]]
        if positive and negative:
            losses.append(max(0.0, max(positive) - min(negative) + margin))
            positives.append(max(positive))
            negatives.append(min(negative))
    return np.mean(losses), np.mean(positives), np.mean(negatives)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_plain_loop(seed):
    random = np.random.default_rng(seed)
    embedding, labels = random.normal(size=(14, 5)), random.integers(0, 5, 14)
    found = batch_hard_triplet(torch.from_numpy(embedding), torch.from_numpy(labels), 0.3)
    assert [float(value) for value in found] == pytest.approx(_brute_force(embedding, labels, 0.3), abs=1e-12)


def test_by_hand():
    # On a line: a at 0 and 1, b at 3. The anchor b has no positive and does not count.
    embedding = torch.tensor([[0.0], [1.0], [3.0]])
    found = batch_hard_triplet(embedding, torch.tensor([0, 0, 1]), 1.5)
    # Anchor 0: 1 - 3 + 1.5 < 0; anchor 1: 1 - 2 + 1.5 = 0.5; the mean keeps the zero.
    assert [float(value) for value in found] == [0.25, 1.0, 2.5]


def test_equal_vectors_cost_the_margin_and_have_a_finite_gradient():
    embedding = torch.ones(4, 3, requires_grad=True)
    found = batch_hard_triplet(embedding, torch.tensor([0, 0, 1, 1]), 0.3)
    found.loss.backward()
    assert found.loss.item() == pytest.approx(0.3)
    assert embedding.grad.isfinite().all()


def test_without_a_negative_the_loss_is_zero_and_the_distances_undefined():
    embedding = torch.randn(3, 2, requires_grad=True)
    found = batch_hard_triplet(embedding, torch.tensor([0, 0, 0]), 0.3)
    found.loss.backward()
    assert found.loss.item() == 0.0
    assert found.hardest_positive.isnan() and found.hardest_negative.isnan()


def test_cosine_softmax_by_hand():
    embedding = torch.tensor([[1.0, 0.0]])
    prototypes = torch.tensor([[5.0, 0.0], [0.0, 2.0]])  # length does not count
    expected = np.log(np.exp(2.0) + 1.0) - 2.0
    assert float(cosine_softmax(embedding, prototypes, torch.tensor([0]), 2.0)) == pytest.approx(expected, abs=1e-6)
