"""The cache of features: a store on disk for each method, so that an image is extracted only once.

The key of a store depends on the method's name, version, settings and weights and, for a method that learns, on the
images that it learned from and the seed. Inside a store, the key of an image is a digest of its file and of everything
else that a method sees of it. A new split of the same images therefore extracts nothing.

Features are numpy arrays in folders called shards. A shard is written under a temporary name and renamed, so a killed
run leaves complete shards, and the next run continues after them. All readers in one process share one memory map of
each array.
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
"""Arrays that this process has mapped and still uses, by device, inode, size and time of change of their files."""


def key_of(*parts: str) -> str:
    """Return a digest of several texts."""
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
    """Return the folder of a fitted model, by the key of its features."""
    return cache_dir() / "fitted" / key[:2] / key


def keep_fitted(key: str, work_dir: Path) -> None:
    """Move a fitted model from the work folder of its run to the cache, for images that come later.

    Raises:
        ReidbenchError: The cache can't be written.
    """
    kept = fitted_dir(key)
    with _explain(kept):
        move_folder(work_dir, kept)


class RepresentationStore:
    """The features that one method has extracted so far.

    Args:
        key: Key of the method's features, from :func:`features_key`.
        root: Folder of the store; by default the cache.
    """

    def __init__(self, key: str, root: Path | None = None) -> None:
        self._dir = (root or cache_dir()) / "representations" / key[:2] / key

    @property
    def folder(self) -> Path:
        """Folder of this store."""
        return self._dir

    def missing(self, images: Sequence[str]) -> NDArray[np.int64]:
        """Return the places in ``images`` of those that the store lacks; of equal images only the first place."""
        known = {image for shard in self._shards() for image in shard.images}
        places = {image: place for place, image in reversed(list(enumerate(images))) if image not in known}
        return np.array(sorted(places.values()), dtype=np.int64)

    def add(self, images: Sequence[str], representation: Representation, seconds: float) -> None:
        """Save the features of some images.

        Args:
            images: Key of each image.
            representation: Their features.
            seconds: How long their extraction took.

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
        """Return the features of images that are all in the store, in this order, mapped from disk.

        Raises:
            KeyError: An image is not in the store.
        """
        for _ in range(2):  # another process may be merging the shards now
            shards = self._shards()
            if len(shards) > 1:
                shards = [self._merge(shards)]
            place_of = {image: place for shard in shards for place, image in enumerate(shard.images)}
            if all(image in place_of for image in images):
                break
        places = np.array([place_of[image] for image in images], dtype=np.int64)
        return shards[0].representation().take(places)

    def clear(self) -> None:
        """Remove all features; notes stay."""
        for folder in self._dir.glob("shard-*"):
            remove_folder(folder, ignore_errors=True)

    def seconds(self, images: Sequence[str]) -> float:
        """Return how long the extraction of these images took when it was done."""
        cost = {image: cost for shard in self._shards() for image, cost in zip(shard.images, shard.costs, strict=True)}
        return float(sum(cost.get(image, 0.0) for image in dict.fromkeys(images)))

    def read_note(self, name: str = "note") -> dict[str, Any] | None:
        """Return the note of this name, ``None`` if there is none or it can't be read."""
        try:
            note: dict[str, Any] = json.loads((self._dir / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return note

    def write_note(self, note: Mapping[str, Any], name: str = "note") -> None:
        """Save JSON values next to the features, such as the report of a fit and how long it took.

        Raises:
            ReidbenchError: The cache can't be written.
        """
        with _explain(self._dir):
            write_text(self._dir / f"{name}.json", json.dumps(note))

    def _shards(self) -> list[_Shard]:
        """Return every shard that can be read; a damaged one is removed, and its images are extracted again."""
        shards = []
        for folder in sorted(self._dir.glob("shard-*")):
            try:
                shards.append(_Shard.open(folder))
            except (OSError, ValueError, KeyError, TypeError):
                remove_folder(folder, ignore_errors=True)
        return shards

    def _merge(self, shards: Sequence[_Shard]) -> _Shard:
        """Merge several shards into one, array by array, so that only the rows of one shard are in memory."""
        kept: list[NDArray[np.int64]] = []
        images: dict[str, float] = {}
        for shard in shards:  # two processes may have extracted the same image
            new = [i for i, image in enumerate(shard.images) if image not in images]
            images |= {shard.images[i]: shard.costs[i] for i in new}
            kept.append(np.array(new, dtype=np.int64))
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
    """Features of some images: a folder with one file for each array, and an index of the images."""

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
            raise ValueError(f"the arrays in {folder} hold another number of images than its index")
        return shard

    def representation(self) -> Representation:
        dense = {n.removeprefix("dense."): a for n, a in self.arrays.items() if n.startswith("dense.")}
        ragged = {}
        for name in (n.removeprefix("rows.") for n in self.arrays if n.startswith("rows.")):
            counts = np.asarray(self.arrays[f"counts.{name}"])
            ragged[name] = Ragged(self.arrays[f"rows.{name}"], np.cumsum(counts) - counts, counts)
        return Representation(dense, ragged, checked=True)


def _mapped(path: Path) -> NDArray[Any]:
    """Map an array, or return the existing map; the pages of a second map would count as more memory."""
    stat = path.stat()
    file = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    array = _MAPPED.get(file)
    if array is None:
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError:  # an array without rows can't be mapped
            array = np.load(path, allow_pickle=False)
        _MAPPED[file] = array
    return array


def _write_rows(path: Path, like: NDArray[Any], n_row: int, blocks: Iterator[NDArray[Any]]) -> None:
    """Write blocks of rows as one array, with one block in memory at a time.

    The file is not mapped for writing: mapped pages count as memory, and local features take gigabytes.
    """
    header = {"descr": dtype_to_descr(like.dtype), "fortran_order": False, "shape": (n_row, *like.shape[1:])}
    with path.open("wb") as file:
        write_array_header_2_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block).tobytes())
