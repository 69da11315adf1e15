"""Representations keep rows together, through taking and through the cache."""

import numpy as np
import pytest

from reidbench.cache import key_of, read_representation, write_representation
from reidbench.errors import ReidbenchError
from reidbench.representations import Ragged, Representation


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


def test_the_cache_gives_back_what_it_was_given(local_features, tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path))
    key = key_of("a", "b")
    assert read_representation(key) is None
    write_representation(key, local_features)
    back = read_representation(key)
    assert back.dense["size"].tolist() == [3, 0, 1]
    np.testing.assert_array_equal(back.ragged["descriptor"][0], local_features.ragged["descriptor"][0])
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_damaged_entry_is_made_anew(local_features, tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path))
    write_representation(key_of("a"), local_features)
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:50])
    assert read_representation(key_of("a")) is None


def test_parts_of_a_key_do_not_run_together():
    assert key_of("ab", "c") != key_of("a", "bc")


def test_a_cache_that_cannot_be_written_says_where(local_features, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(ReidbenchError, match="can't be written"):
        write_representation(key_of("a"), local_features)
