"""A store holds the features of each image once, for all splits, and survives killed runs and damaged files."""

import gc
import json
import tracemalloc
import weakref

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.files import cache_dir
from reidbench.methods.representation import Ragged, Representation
from reidbench.running.representation_store import RepresentationStore, fitted_dir, keep_fitted, key_of


def described(numbers):
    """Image ``i`` has the vector (i, i) and i % 3 rows of descriptors."""
    rows = [np.full((i % 3, 4), i, np.float16) for i in numbers]
    return Representation(
        {"embedding": np.array([[i, i] for i in numbers], np.float32)}, {"descriptor": Ragged.from_rows(rows)}
    )


def names(numbers):
    return [f"image-{i}" for i in numbers]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path))
    return RepresentationStore(key_of("method", "1"))


def check(found, numbers):
    expected = described(numbers)
    np.testing.assert_array_equal(found.dense["embedding"], expected.dense["embedding"])
    for place in range(len(numbers)):
        np.testing.assert_array_equal(found.ragged["descriptor"][place], expected.ragged["descriptor"][place])
    assert found.ragged["descriptor"].values.dtype == np.float16


def test_missing_images_are_listed_once(store):
    assert store.missing(names([4, 1, 4])).tolist() == [0, 1]
    store.add(names([1, 4]), described([1, 4]), 2.0)
    assert store.missing(names([4, 2, 1, 2])).tolist() == [1]


def test_images_are_read_in_any_order_from_several_shards(store):
    for numbers in ([0, 1, 2], [3, 4], [6]):
        store.add(names(numbers), described(numbers), 1.0)
    check(store.read(names([6, 0, 4, 4, 1])), [6, 0, 4, 4, 1])
    assert len(list(store._dir.glob("shard-*"))) == 1  # merged by reading
    check(store.read(names([3, 2])), [3, 2])


def test_merging_shards_holds_a_block_of_rows_in_memory(store):
    for number in range(4):  # 4 x 16 MiB
        rows = [np.full((1024, 512), number * 8 + image, dtype=np.float32) for image in range(8)]
        store.add(names(range(number * 8, number * 8 + 8)), Representation({}, {"d": Ragged.from_rows(rows)}), 1.0)
    tracemalloc.start()
    found = store.read(names(range(32)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * 2**20
    assert [float(found.ragged["d"][image][-1, -1]) for image in (0, 9, 31)] == [0.0, 9.0, 31.0]


def test_rows_are_mapped_from_disk_not_read(store):
    store.add(names([1, 2]), described([1, 2]), 1.0)
    values = store.read(names([2])).ragged["descriptor"].values
    assert isinstance(values, np.memmap)


def test_reading_a_store_again_shares_the_map_instead_of_mapping_it_twice(store):
    store.add(names([1, 2, 4]), described([1, 2, 4]), 1.0)
    first = store.read(names([2, 1]))
    again = RepresentationStore(key_of("method", "1")).read(names([4, 2]))  # as another stage of the same process does
    assert again.ragged["descriptor"].values is first.ragged["descriptor"].values
    check(again, [4, 2])


def test_a_map_is_released_with_its_last_reader(store):
    store.add(names([1, 2]), described([1, 2]), 1.0)
    values = weakref.ref(store.read(names([2])).ragged["descriptor"].values)
    gc.collect()
    assert values() is None


def test_a_store_that_grew_is_mapped_again(store):
    store.add(names([1, 2]), described([1, 2]), 1.0)
    first = store.read(names([1, 2]))
    store.add(names([4]), described([4]), 1.0)
    check(store.read(names([4, 2])), [4, 2])
    check(first, [1, 2])  # the file is deleted, but the open map stays valid


def test_images_without_rows_are_saved(store):
    store.add(names([0, 3]), described([0, 3]), 1.0)
    store.add(names([6]), described([6]), 1.0)
    check(store.read(names([3, 6])), [3, 6])


def test_the_seconds_of_an_extraction_are_saved_by_image(store):
    store.add(names([1, 2, 3, 4]), described([1, 2, 3, 4]), 8.0)
    assert store.seconds(names([2, 3])) == pytest.approx(4.0)


def test_a_damaged_shard_is_removed_and_written_again(store):
    store.add(names([1, 2]), described([1, 2]), 1.0)
    shard = next(store._dir.glob("shard-*"))
    (shard / "rows.descriptor.npy").write_bytes(b"half")
    assert store.missing(names([1, 2])).tolist() == [0, 1]
    assert not shard.exists()


def test_an_unfinished_shard_is_ignored(store):
    store.add(names([1]), described([1]), 1.0)
    half = store._dir / ".shard-killed.1-abcd.tmp"
    half.mkdir()
    (half / "index.json").write_text(json.dumps({"images": names([2]), "seconds": [1.0]}))
    assert store.missing(names([1, 2])).tolist() == [1]


def test_notes_are_kept_and_a_damaged_note_is_none(store):
    assert store.read_note() is None
    store.write_note({"fit_s": 3.0})
    assert store.read_note() == {"fit_s": 3.0}
    (store._dir / "note.json").write_text("{")
    assert store.read_note() is None


def test_texts_of_a_key_are_separated():
    assert key_of("ab", "c") != key_of("a", "bc")


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("REIDBENCH_CACHE", str(blocked))
    assert cache_dir() == blocked
    with pytest.raises(ReidbenchError, match="cache can't be written") as caught:
        RepresentationStore(key_of("a")).add(names([1]), described([1]), 1.0)
    assert "REIDBENCH_CACHE" in caught.value.remedy


def test_a_full_disk_is_an_error_and_leaves_no_files(store, full_disk):
    store.add(names([1]), described([1]), 1.0)
    before = sorted(store._dir.rglob("*"))
    for write in (lambda: store.add(names([2]), described([2]), 1.0), lambda: store.write_note({"text": "x" * 1000})):
        with full_disk(100), pytest.raises(ReidbenchError, match="cache can't be written: File too large"):
            write()
        assert sorted(store._dir.rglob("*")) == before
    check(store.read(names([1])), [1])


def test_a_new_fit_replaces_an_earlier_one(tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "cache"))
    for text in ("first", "second"):
        (tmp_path / "work").mkdir()
        (tmp_path / "work" / "checkpoint.pt").write_text(text)
        keep_fitted("key", tmp_path / "work")
        assert not (tmp_path / "work").exists()
        assert [path.read_text() for path in fitted_dir("key").iterdir()] == [text]
    with pytest.raises(ReidbenchError, match="cache can't be written") as caught:
        keep_fitted("key", tmp_path / "work")
    assert caught.value.where == str(fitted_dir("key")) and fitted_dir("key").is_dir()
