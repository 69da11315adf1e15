"""Differences of scores and representations, bit by bit and within the tolerance."""

import numpy as np

from reidbench.methods.representation import Ragged, Representation
from reidbench.testing import differences


def test_scores_may_differ_by_1e_5_of_the_largest():
    expected = np.array([[100.0, -np.inf], [3.0, 4.0]])
    within, beyond = expected.copy(), expected.copy()
    within[0, 0] += 9e-4
    beyond[1, 1] += 2e-3
    assert differences.of_scores(within, expected) is None
    assert differences.of_scores(beyond, expected) == "scores differ by up to 0.002: 4.002 instead of 4"
    assert "inf" in (differences.of_scores(np.zeros((2, 2)), expected) or "")
    assert differences.of_scores(expected.T[:1], expected) == "scores have shape (1, 2), not (2, 2)"


def test_with_exact_every_bit_counts():
    one = Representation({"embedding": np.array([[0.5]], np.float32)})
    near = Representation({"embedding": np.array([[np.nextafter(np.float32(0.5), np.float32(1))]])})
    assert differences.of_representations(near, one) is None
    assert differences.of_representations(near, one, exact=True) is not None


def test_a_difference_names_arrays_types_lengths_and_rows():
    def of(array, name="embedding"):
        return Representation({name: array})

    one = of(np.zeros((2, 3), np.float32))
    assert differences.of_representations(of(np.zeros((2, 3), np.float32), "vector"), one) == (
        "the arrays are vector, not embedding"
    )
    assert differences.of_representations(of(np.zeros((1, 3), np.float32)), one) == "there are 1 images, not 2"
    wide = differences.of_representations(of(np.zeros((2, 3))), one)
    assert wide == "'embedding' is float64 (2, 3), not float32 (2, 3)"
    assert differences.of_arrays("'day'", np.array([1, 2]), np.array([1, 3])) == "'day' has other values"

    def rows(*counts):
        return Representation({}, {"keypoint": Ragged.from_rows([np.zeros((n, 2), np.float32) for n in counts])})

    assert differences.of_representations(rows(2, 0), rows(2, 0)) is None
    assert differences.of_representations(rows(2, 0), rows(2, 1)) == "'keypoint' has 0 rows for image 1, not 1"
