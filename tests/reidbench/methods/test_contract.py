"""What a stranger's method hands back wrongly is named where it arises."""

import numpy as np
import pytest

import reidbench
from reidbench.registry.registered import Offer, Registry
from reidbench.running.evaluation import evaluate

DATASET = "patterns:identities=12,size=64,level=easy"


class Hands(reidbench.EmbeddingMethod):
    made = None

    def embed(self, pixels):
        return self.made

    def fit(self, train, context):
        return 7


class OneImage:
    def __len__(self):
        return 1

    def pixels(self, index):
        return np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, "NoneType"),
        (np.zeros(3), r"float64 of shape \(3,\)"),
        (np.zeros((2, 3)), r"float64 of shape \(2, 3\)"),
        (np.array([["a"]]), r"<U1 of shape \(1, 1\)"),
    ],
)
def test_what_is_no_vector_for_each_image_is_told(made, told):
    method = Hands(reidbench.Settings())
    method.made = made
    with pytest.raises(ValueError, match=f"embed returned {told}, not numbers of shape .* n_image = 1"):
        method.represent(OneImage(), reidbench.Progress())


def test_integers_are_vectors_too():
    method = Hands(reidbench.Settings())
    method.made = [[1, 2]]
    assert method.represent(OneImage(), reidbench.Progress()).dense["embedding"].tolist() == [[1.0, 2.0]]


def test_a_fit_that_reports_nothing_is_told(tmp_path):
    method = Hands(reidbench.Settings())
    method.made = [[1, 2]]
    spec = reidbench.MethodSpec("hands", "fits and says 7", reidbench.Settings, lambda settings: method)
    with pytest.raises(TypeError, match="fit of Hands returned int, not a reidbench.FitReport"):
        evaluate("hands", DATASET, registry=Registry((Offer(spec, "ours", "1.0"),), ()), runs_dir=tmp_path)
