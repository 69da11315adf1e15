"""The base of classifiers: probabilities in the order of the classes, and nothing for an untrained identity."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reidbench.methods.classifier import ClassifierMethod
from reidbench.methods.contract import Settings
from reidbench.methods.representation import Representation
from reidbench.progress import Progress


class _Brightness(ClassifierMethod):
    """Two classes, dark and bright: the share of white is the probability of bright."""

    batch_size = 2

    def __init__(self):
        super().__init__(Settings())
        self.batches = []

    def classify(self, pixels):
        self.batches.append(len(pixels))
        bright = np.array([image.mean() / 255 for image in pixels])
        return np.stack([1 - bright, bright], 1)


class _Greys:
    def __len__(self):
        return 5

    def pixels(self, index):
        return np.full((4, 3, 3), 51 * index, dtype=np.uint8)


def test_a_batch_that_a_gpu_does_not_hold_is_halved_and_said_once():
    class Small(_Brightness):
        batch_size = 4

        def classify(self, pixels):
            if len(pixels) > 2:
                raise torch.OutOfMemoryError("no memory left")
            return super().classify(pixels)

    class Warnings(Progress):
        def __init__(self):
            self.texts = []

        def warn(self, text):
            self.texts.append(text)

    method, progress = Small(), Warnings()
    first = method.represent(_Greys(), progress).dense["probability"]
    assert method.batches == [2, 2, 1] and len(progress.texts) == 1
    np.testing.assert_array_equal(method.represent(_Greys(), progress).dense["probability"], first)
    assert len(progress.texts) == 1


def _scores(probability, classes):
    query = Representation({"probability": np.array(probability, np.float32)})
    return _Brightness().score(query, Representation({"class": np.array(classes, np.int64)}))


def test_each_image_gets_its_row_whatever_the_batch():
    method = _Brightness()
    probability = method.represent(_Greys(), Progress()).dense["probability"]
    assert probability.dtype == np.float32 and method.batches == [2, 2, 1]
    np.testing.assert_allclose(probability[:, 1], [0, 0.2, 0.4, 0.6, 0.8], atol=1e-6)


def test_the_score_is_the_probability_of_the_identitys_class():
    scores = _scores([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]], [2, -1, 0])
    np.testing.assert_array_equal(scores, np.array([[0.3, -np.inf, 0.5], [0, -np.inf, 0]], np.float32))


@pytest.mark.parametrize("classes", [[0, 3], [-2, 0]])
def test_a_class_without_a_probability_is_a_broken_contract(classes):
    with pytest.raises(ValueError, match="classes run from"):
        _scores([[0.5, 0.2, 0.3]], classes)
