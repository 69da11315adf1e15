"""A store holds the features of each image once, for all splits, and survives killed runs and damaged files."""

import errno
import gc
import json
import os
import tracemalloc
import weakref

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.files import cache_dir
from reidbench.methods.representation import Ragged, Representation
from reidbench.progress import Progress
from reidbench.running.representation_store import RepresentationStore, key_of
from reidbench.running.shards import Shard


def described(numbers):
    """Image ``i`` has the vector (i, i) and i % 3 rows of descriptors."""
    rows = [np.full((i % 3, 4), i, np.float16) for i in numbers]
    return Representation(
        {"embedding": np.array([[i, i] for i in numbers], np.float32)}, {"descriptor": Ragged.from_rows(rows)}
    )


def names(numbers):
    return [f"image-{i}" for i in numbers]


class Heard(Progress):
    """Keeps the warnings."""

    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path))
    return RepresentationStore(key_of("method", "1"), progress=Heard())


def shard_of(store):
    (folder,) = store.folder.glob("shard-*")
    return folder


def flip(path, at=-1):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


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


DAMAGE = {
    "a flipped bit in a vector": lambda shard: flip(shard / "dense.embedding.npy"),
    "a flipped bit in a header": lambda shard: flip(shard / "dense.embedding.npy", 20),
    "a flipped bit in the counts": lambda shard: flip(shard / "counts.descriptor.npy", -8),
    "a flipped bit in the index": lambda shard: flip(shard / "index.json", 20),
    "no digests in the index": lambda shard: edit_index(shard, lambda index: index.pop("xxh3")),
    "zeros instead of rows": lambda shard: (shard / "rows.descriptor.npy").write_bytes(
        bytes(len((shard / "rows.descriptor.npy").read_bytes()))
    ),
    "an array cut short": lambda shard: (shard / "rows.descriptor.npy").write_bytes(b"half"),
    "an empty array": lambda shard: (shard / "dense.embedding.npy").write_bytes(b""),
    "an empty index": lambda shard: (shard / "index.json").write_bytes(b""),
    "an index that is a list": lambda shard: (shard / "index.json").write_text("[]"),
    "a missing array": lambda shard: (shard / "dense.embedding.npy").unlink(),
    "missing counts": lambda shard: (shard / "counts.descriptor.npy").unlink(),
    "a missing index": lambda shard: (shard / "index.json").unlink(),
    "nothing left": lambda shard: [path.unlink() for path in shard.iterdir()],
}


def edit_index(shard, change):
    index = json.loads((shard / "index.json").read_text())
    change(index)
    (shard / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=list(DAMAGE))
def test_a_damaged_shard_counts_as_missing_is_removed_and_reported_once(store, damage):
    store.add(names([1, 2]), described([1, 2]), 1.0)
    damage(shard := shard_of(store))
    for _ in range(2):
        assert store.missing(names([1, 2])).tolist() == [0, 1]
    assert not shard.exists()
    assert [text.partition(":")[0] for text in store._progress.warnings] == [
        "cached features are damaged and are computed again"
    ]
    store.add(names([1, 2]), described([1, 2]), 1.0)
    check(store.read(names([2, 1])), [2, 1])


def test_a_damaged_shard_costs_no_images_of_other_shards(store):
    store.add(names([1]), described([1]), 1.0)
    flip(shard_of(store) / "dense.embedding.npy")
    store.add(names([2]), described([2]), 1.0)
    assert store.missing(names([1, 2])).tolist() == [0]
    check(store.read(names([2])), [2])


def test_a_block_is_checked_when_an_image_in_it_is_first_read(store):
    rows = np.arange(3 * 2**18, dtype=np.float32).reshape(3, 2**18)  # an image is a block of 1 MiB
    store.add(names([0, 1, 2]), Representation({"embedding": rows}), 1.0)
    flip(shard_of(store) / "dense.embedding.npy")
    assert store.missing(names([0])).tolist() == []
    np.testing.assert_array_equal(store.read(names([0])).dense["embedding"][0], rows[0])
    assert store.missing(names([0, 2])).tolist() == [0, 1]


def without_digests(store):
    """Make the store as version 0.2 wrote it."""
    for path in store.folder.glob("shard-*/index.json"):
        edit_index(path.parent, lambda index: (index.pop("xxh3"), index.pop("arrays")))


def test_a_shard_of_an_earlier_version_gets_digests_which_is_said_once(store):
    store.add(names([1, 2]), described([1, 2]), 1.0)
    without_digests(store)
    for _ in range(2):
        assert store.missing(names([1, 2])).tolist() == []
    check(store.read(names([1, 2])), [1, 2])
    (text,) = store._progress.warnings
    assert text.startswith("added checksums to cached features of an earlier version")
    flip(shard_of(store) / "rows.descriptor.npy")
    assert store.missing(names([1, 2])).tolist() == [0, 1]


@pytest.mark.parametrize("damage", ["an array cut short", "an empty array", "missing counts", "an empty index"])
def test_damage_that_shows_without_digests_is_found_in_a_shard_of_an_earlier_version(store, damage):
    store.add(names([1, 2]), described([1, 2]), 1.0)
    without_digests(store)
    DAMAGE[damage](shard_of(store))
    assert store.missing(names([1, 2])).tolist() == [0, 1]
    assert len(store._progress.warnings) == 1


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("opens", ["numpy.load", "reidbench.running.block_digests.FileDigests.check"])
def test_an_error_that_proves_no_damage_is_one_message_and_removes_nothing(store, monkeypatch, number, opens):
    store.add(names([1]), described([1]), 1.0)

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(opens, fail)
        with pytest.raises(ReidbenchError, match=f"the cache can't be read: {os.strerror(number)}"):
            store.missing(names([1]))
    assert store.missing(names([1])).tolist() == [] and store._progress.warnings == []


def test_a_shard_that_another_process_merges_while_it_is_opened_is_found_in_the_new_one(store, monkeypatch):
    store.add(names([1]), described([1]), 1.0)
    store.add(names([2]), described([2]), 1.0)
    other = RepresentationStore(key_of("method", "1"))
    plain = Shard.open

    def merge_first(folder):
        monkeypatch.setattr(Shard, "open", plain)
        check(other.read(names([1, 2])), [1, 2])
        return plain(folder)

    monkeypatch.setattr(Shard, "open", merge_first)
    assert store.missing(names([1, 2])).tolist() == [] and store._progress.warnings == []


def test_a_store_in_a_folder_without_the_right_to_lock_can_be_read(store, monkeypatch):
    store.add(names([1]), described([1]), 1.0)

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert store.missing(names([1, 2])).tolist() == [1]
    with store.training():
        check(store.read(names([1])), [1])


def test_features_that_were_removed_while_a_command_ran_are_one_message(store):
    store.add(names([1]), described([1]), 1.0)
    store.clear()
    with pytest.raises(ReidbenchError, match="the features of 2 images are no longer in the cache"):
        store.read(names([1, 2, 1]))


def test_an_unfinished_shard_is_ignored(store):
    store.add(names([1]), described([1]), 1.0)
    half = store._dir / ".shard-killed.1-abcd.tmp"
    half.mkdir()
    (half / "index.json").write_text(json.dumps({"images": names([2]), "seconds": [1.0]}))
    assert store.missing(names([1, 2])).tolist() == [1]


def test_notes_are_kept(store):
    assert store.read_note() is None
    store.write_note({"fit_s": 3.0})
    assert store.read_note() == {"fit_s": 3.0}


def test_a_note_of_an_earlier_version_has_no_digest_and_is_read(store):
    store.folder.mkdir(parents=True)
    (store.folder / "note.json").write_text('{"fit_s": 3.0}')
    assert store.read_note() == {"fit_s": 3.0} and store._progress.warnings == []


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "\x00\x00"])
def test_a_damaged_note_counts_as_missing_and_is_reported_once(store, content):
    store.write_note({"fit_s": 3.0})
    (store.folder / "note.json").write_text(content)
    assert store.read_note() is None and store.read_note() is None
    assert len(store._progress.warnings) == 1


def test_no_flipped_bit_of_a_note_changes_a_value(store):
    store.write_note({"fit_s": 3.5, "notes": ["a"]})
    path = store.folder / "note.json"
    content = path.read_bytes()
    for at in range(len(content)):
        flip(path, at)
        assert store.read_note() in (None, {"fit_s": 3.5, "notes": ["a"]})
        path.write_bytes(content)


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
