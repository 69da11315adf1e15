"""Where representations are kept, so that the same image is never described twice.

A store belongs to one method as it is: name, version, settings, weights and, for a method that learns,
the images it learned from and the seed. In it every image stands by the bytes of its file and whatever
else a method is shown of it. A new split over the same images therefore extracts nothing.

Entries are plain numpy arrays in folders called shards, written under a temporary name and renamed, so
a killed run leaves whole shards or nothing. What was extracted before the kill is not extracted again.
Whoever reads a store in one process shares one map of each array.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_2_0
from numpy.typing import NDArray

from reidbench.files import cache_dir, explain_os_errors, move_folder, remove_folder, whole_folder, write_text
from reidbench.methods.contract import Method
from reidbench.methods.representation import Ragged, Representation
from reidbench.registry.registered import Offer

FORMAT = "2"
_INDEX = "index.json"
_MAPPED: weakref.WeakValueDictionary[tuple[int, ...], NDArray[Any]] = weakref.WeakValueDictionary()
"""Arrays that this process maps, by what tells one state of a file from another, for as long as someone reads them."""


def key_of(*parts: str) -> str:
    """Digest everything that shaped an entry."""
    return hashlib.sha256("\x00".join((FORMAT, *parts)).encode()).hexdigest()


def features_key(offer: Offer, method: Method, learning: str = "") -> str:
    """Return the key of a method's features: a digest of everything that shapes them, except the image.

    Args:
        offer: Plugin and specification that the method comes from.
        method: Extracts the features, prepared.
        learning: Digest of the images that it learned from or extracted together; empty for a method that needs no
            fitting and extracts each image alone.
    """
    return key_of(offer.spec.name, offer.distribution, offer.spec.version, method.fingerprint(), learning)


def fitted_dir(key: str) -> Path:
    """Return the folder of what fitting left behind, by the key of the representations that it shaped."""
    return cache_dir() / "fitted" / key[:2] / key


def keep_fitted(key: str, work_dir: Path) -> None:
    """Move what a finished fit left in its work folder to where new photographs find it.

    Raises:
        ReidbenchError: The cache can't be written.
    """
    kept = fitted_dir(key)
    with _explain(kept):
        move_folder(work_dir, kept)


class RepresentationStore:
    """The representations that one method, as it is, has made so far.

    Args:
        key: Digest of everything that shapes a representation besides the image, as :func:`key_of` gives it.
        root: Folder to keep them in instead of the cache.
    """

    def __init__(self, key: str, root: Path | None = None) -> None:
        self._dir = (root or cache_dir()) / "representations" / key[:2] / key

    @property
    def folder(self) -> Path:
        """Where everything of this store lies."""
        return self._dir

    def missing(self, images: Sequence[str]) -> NDArray[np.int64]:
        """Return the places in ``images`` of what is not in the store, each image once."""
        known = {image for shard in self._shards() for image in shard.images}
        places = {image: place for place, image in reversed(list(enumerate(images))) if image not in known}
        return np.array(sorted(places.values()), dtype=np.int64)

    def add(self, images: Sequence[str], representation: Representation, seconds: float) -> None:
        """Keep the representation of some images.

        Args:
            images: Key of each image.
            representation: Their arrays.
            seconds: What it took to make them.

        Raises:
            ReidbenchError: The cache can't be written.
        """
        arrays = {f"dense.{name}": array for name, array in representation.dense.items()}
        for name, ragged in representation.ragged.items():
            packed = Ragged.from_rows([ragged[i] for i in range(len(ragged))])
            arrays |= {f"rows.{name}": packed.values, f"counts.{name}": packed.counts}

        def fill(folder: Path) -> None:
            for name, array in arrays.items():
                np.save(folder / f"{name}.npy", array, allow_pickle=False)
            index = {"images": list(images), "seconds": [seconds / max(len(images), 1)] * len(images)}
            write_text(folder / _INDEX, json.dumps(index))

        self._write(fill)

    def read(self, images: Sequence[str]) -> Representation:
        """Return the representation of images that are all in the store, in that order, mapped from disk.

        Raises:
            KeyError: An image is not in the store.
        """
        for _ in range(2):  # another process may be joining the shards at this very moment
            shards = self._shards()
            if len(shards) > 1:
                shards = [self._merge(shards)]
            place_of = {image: place for shard in shards for place, image in enumerate(shard.images)}
            if all(image in place_of for image in images):
                break
        places = np.array([place_of[image] for image in images], dtype=np.int64)
        return shards[0].representation().take(places)

    def clear(self) -> None:
        """Forget every representation; notes stay."""
        for folder in self._dir.glob("shard-*"):
            remove_folder(folder, ignore_errors=True)

    def seconds(self, images: Sequence[str]) -> float:
        """Return what it took to make the representations of these images when they were made."""
        took = {image: cost for shard in self._shards() for image, cost in zip(shard.images, shard.costs, strict=True)}
        return float(sum(took.get(image, 0.0) for image in dict.fromkeys(images)))

    def read_note(self, name: str = "note") -> dict[str, Any] | None:
        """Return what was noted under a name beside the representations, or ``None``."""
        try:
            note: dict[str, Any] = json.loads((self._dir / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return note

    def write_note(self, note: Mapping[str, Any], name: str = "note") -> None:
        """Keep plain values beside the representations, such as how the method was fitted and what that cost."""
        with _explain(self._dir):
            write_text(self._dir / f"{name}.json", json.dumps(note))

    def _shards(self) -> list[_Shard]:
        """Return every shard that can be read; one that can't is dropped, and its images are made anew."""
        shards = []
        for folder in sorted(self._dir.glob("shard-*")):
            try:
                shards.append(_Shard.open(folder))
            except (OSError, ValueError, KeyError, TypeError):
                remove_folder(folder, ignore_errors=True)
        return shards

    def _merge(self, shards: Sequence[_Shard]) -> _Shard:
        """Write several shards as one, array by array, so that only one shard's rows are in memory at a time."""
        kept: list[NDArray[np.int64]] = []
        images: dict[str, float] = {}
        for shard in shards:  # two processes may have described the same image
            fresh = [i for i, image in enumerate(shard.images) if image not in images]
            images |= {shard.images[i]: shard.costs[i] for i in fresh}
            kept.append(np.array(fresh, dtype=np.int64))
        parts = [shard.representation().take(rows) for shard, rows in zip(shards, kept, strict=True)]

        def fill(folder: Path) -> None:
            for name in parts[0].dense:
                arrays = [part.dense[name] for part in parts]
                _write_rows(folder / f"dense.{name}.npy", arrays[0], sum(map(len, arrays)), iter(arrays))
            for name in parts[0].ragged:
                ragged = [part.ragged[name] for part in parts]
                np.save(folder / f"counts.{name}.npy", np.concatenate([rows.counts for rows in ragged]))
                n_row = sum(int(rows.counts.sum()) for rows in ragged)
                blocks = (rows[image] for rows in ragged for image in range(len(rows)))
                _write_rows(folder / f"rows.{name}.npy", ragged[0].values, n_row, blocks)
            index = {"images": list(images), "seconds": list(images.values())}
            write_text(folder / _INDEX, json.dumps(index))

        merged = self._write(fill)
        for shard in shards:
            remove_folder(shard.folder, ignore_errors=True)
        return _Shard.open(merged)

    def _write(self, fill: Callable[[Path], None]) -> Path:
        shard = self._dir / f"shard-{uuid.uuid4().hex[:12]}"
        with _explain(self._dir), whole_folder(shard) as temporary:
            fill(temporary)
        return shard


def _explain(folder: Path) -> AbstractContextManager[None]:
    return explain_os_errors(
        "the cache can't be written",
        where=str(folder),
        remedy="make room, or name another folder: REIDBENCH_CACHE=DIR reidbench …",
    )


@dataclass(frozen=True, slots=True)
class _Shard:
    """A folder of arrays that belong together."""

    folder: Path
    images: list[str]
    costs: list[float]
    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def open(cls, folder: Path) -> _Shard:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        arrays = {}
        for path in sorted(folder.glob("*.npy")):
            arrays[path.stem] = _mapped(path)
        shard = cls(folder, index["images"], index["seconds"], arrays)
        if len(shard.representation()) != len(shard.images):
            raise ValueError(f"{folder} holds other images than its index says")
        return shard

    def representation(self) -> Representation:
        dense = {n.removeprefix("dense."): a for n, a in self.arrays.items() if n.startswith("dense.")}
        ragged = {}
        for name in (n.removeprefix("rows.") for n in self.arrays if n.startswith("rows.")):
            counts = np.asarray(self.arrays[f"counts.{name}"])
            ragged[name] = Ragged(self.arrays[f"rows.{name}"], np.cumsum(counts) - counts, counts)
        return Representation(dense, ragged, checked=True)


def _mapped(path: Path) -> NDArray[Any]:
    """Map an array, or return the map that is there: the pages of a second one count as memory once more."""
    stat = path.stat()
    file = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    array = _MAPPED.get(file)
    if array is None:
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError:  # a map can't be empty, so an array without rows is read
            array = np.load(path, allow_pickle=False)
        _MAPPED[file] = array
    return array


def _write_rows(path: Path, like: NDArray[Any], n_row: int, blocks: Iterator[NDArray[Any]]) -> None:
    """Write blocks of rows one after another as one array, holding no more than a block.

    Written, not mapped: pages of a mapped file count as memory, and a store of local features has gigabytes of them.
    """
    header = {"descr": dtype_to_descr(like.dtype), "fortran_order": False, "shape": (n_row, *like.shape[1:])}
    with path.open("wb") as file:
        write_array_header_2_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block).tobytes())
