"""Representations keep rows together, through taking and joining."""

import numpy as np
import pytest

from reidbench.methods.representation import Ragged, Representation


@pytest.fixture
def local_features():
    rows = [np.full((n, 2), n, np.float32) for n in (3, 0, 1)]
    return Representation({"size": np.array([3, 0, 1])}, {"descriptor": Ragged.from_rows(rows)})


def test_taking_images_takes_their_rows_in_that_order(local_features):
    taken = local_features.take(np.array([2, 0, 1]))
    assert taken.dense["size"].tolist() == [1, 3, 0]
    assert [len(taken.ragged["descriptor"][i]) for i in range(3)] == [1, 3, 0]


def test_nan_is_refused():
    with pytest.raises(ValueError, match="nan"):
        Representation({"embedding": np.array([[np.nan]])})


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match="same images"):
        Representation({"a": np.zeros(2), "b": np.zeros(3)})


def test_taking_copies_no_row(local_features):
    taken = local_features.take(np.array([2, 0]))
    assert taken.ragged["descriptor"].values is local_features.ragged["descriptor"].values


def test_rows_outside_the_array_are_refused():
    with pytest.raises(ValueError, match="outside"):
        Ragged(np.zeros((3, 2)), np.array([2]), np.array([2]))


def test_padding_fills_behind_the_rows(local_features):
    block = local_features.ragged["descriptor"].padded([2, 1], fill=-1.0)
    assert block.tolist() == [[[1.0, 1.0]], [[-1.0, -1.0]]] and block.dtype == np.float32


def test_parts_come_back_from_a_join_with_the_curve_that_judges_them(local_features):
    other = Representation({"embedding": np.eye(3)})
    joined = Representation.join({"local": local_features, "global": other}).judged_by(np.array([4, 0, 2]))
    back = joined.take(np.array([2, 0])).part("local")
    assert back.dense["size"].tolist() == [1, 3] and back.curve.tolist() == [2, 4]
    assert joined.part("global").dense["embedding"].tolist() == np.eye(3).tolist()
    with pytest.raises(ValueError, match="no part is called 'glob'"):
        joined.part("glob")
