"""What counts as the same, to the bit and within the tolerance."""

import numpy as np

from reidbench.methods.representation import Ragged, Representation
from reidbench.testing import differences


def test_scores_may_differ_by_a_hundred_thousandth_of_the_largest():
    expected = np.array([[100.0, -np.inf], [3.0, 4.0]])
    near, far = expected.copy(), expected.copy()
    near[0, 0] += 9e-4
    far[1, 1] += 2e-3
    assert differences.of_scores(near, expected) is None
    assert differences.of_scores(far, expected) == "scores differ by up to 0.002, as in 4.002 against 4"
    assert "inf" in (differences.of_scores(np.zeros((2, 2)), expected) or "")
    assert differences.of_scores(expected.T[:1], expected) == "scores have shape (1, 2), not (2, 2)"


def test_exact_means_to_the_bit():
    one = Representation({"embedding": np.array([[0.5]], np.float32)})
    near = Representation({"embedding": np.array([[np.nextafter(np.float32(0.5), np.float32(1))]])})
    assert differences.of_representations(near, one) is None
    assert differences.of_representations(near, one, exact=True) is not None


def test_names_types_lengths_and_rows_are_told():
    def made(array, name="embedding"):
        return Representation({name: array})

    one = made(np.zeros((2, 3), np.float32))
    assert differences.of_representations(made(np.zeros((2, 3), np.float32), "vector"), one) == (
        "it holds the arrays vector, not embedding"
    )
    assert differences.of_representations(made(np.zeros((1, 3), np.float32)), one) == "it holds 1 images, not 2"
    wide = differences.of_representations(made(np.zeros((2, 3))), one)
    assert wide == "'embedding' is float64 (2, 3), not float32 (2, 3)"
    assert differences.of_arrays("'day'", np.array([1, 2]), np.array([1, 3])) == "'day' holds other values"

    def rows(*counts):
        return Representation({}, {"keypoint": Ragged.from_rows([np.zeros((n, 2), np.float32) for n in counts])})

    assert differences.of_representations(rows(2, 0), rows(2, 0)) is None
    assert differences.of_representations(rows(2, 0), rows(2, 1)) == "'keypoint' has 0 rows for image 1, not 1"
