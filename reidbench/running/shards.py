"""A shard: the features of some images as numpy arrays in a folder, with an index of images and digests.

``index.json`` lists the images, how long the extraction of each took, and the digests of every array by block. A shard
is written under a temporary name and renamed, and never changes. So a shard that lacks a file, or whose file has
another digest, is damaged. Shards of versions before 0.3 have no digests; :meth:`Shard.add_digests` adds them.
"""

from __future__ import annotations

import json
import tokenize
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_2_0
from numpy.typing import NDArray

from reidbench.files import write_text
from reidbench.methods.representation import Ragged, Representation
from reidbench.running.block_digests import BLOCK, DamagedError, FileDigests, with_digest, without_digest

_INDEX = "index.json"
_MAPPED: weakref.WeakValueDictionary[tuple[int, ...], NDArray[Any]] = weakref.WeakValueDictionary()
"""Arrays that this process has mapped and still uses, by device, inode, size and time of change of their files."""
_NOT_AN_ARRAY = (ValueError, TypeError, KeyError, EOFError, OverflowError, tokenize.TokenError)
"""Errors of numpy for a file that is no array; ``OSError`` is not one of them, because it proves no damage."""


class GoneError(Exception):
    """Another process has removed the shard, after it merged it into a new one."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The features of some images.

    Attributes:
        folder: The folder of the shard.
        images: Key of each image.
        costs: Seconds that the extraction of each image took.
        arrays: Arrays by name, mapped from disk.
        digests: Digests of the files of ``arrays``; ``None`` if an earlier version wrote the shard.
    """

    folder: Path
    images: list[str]
    costs: list[float]
    arrays: Mapping[str, NDArray[Any]]
    digests: Mapping[str, FileDigests] | None

    @classmethod
    def open(cls, folder: Path) -> Shard:
        """Open a shard and check its index, and the sizes and headers of its arrays.

        Raises:
            DamagedError: The shard is incomplete or damaged.
            GoneError: The folder does not exist any more.
            OSError: A file can't be read.
        """
        try:
            return cls._open(folder)
        except FileNotFoundError as error:
            if not folder.is_dir():
                raise GoneError from error
            raise DamagedError(f"{Path(error.filename).name} is missing") from error

    @classmethod
    def _open(cls, folder: Path) -> Shard:
        try:
            index = json.loads((folder / _INDEX).read_bytes())
        except ValueError as error:
            raise DamagedError(f"{_INDEX} is no JSON") from error
        try:
            values = without_digest(index)
            listed = values.get("arrays")
            if (listed is None) == ("xxh3" in index):
                raise DamagedError("digests are missing")
            if listed is None:
                digests, names = None, sorted(path.stem for path in folder.glob("*.npy"))
            else:
                digests = {name: FileDigests.from_json(value) for name, value in listed.items()}
                names = list(digests)
            images, costs = [str(image) for image in values["images"]], [float(cost) for cost in values["seconds"]]
        except (DamagedError, AttributeError, TypeError, KeyError, ValueError) as error:
            raise DamagedError(f"{_INDEX} is damaged: {error}") from error
        if digests is not None:
            for name, array in digests.items():
                array.check(folder / f"{name}.npy", None if name.startswith("counts.") else range(min(array.size, 1)))
        try:
            shard = cls(folder, images, costs, {name: _mapped(folder / f"{name}.npy") for name in names}, digests)
            lengths = {len(shard.representation()), len(images), len(costs)}
        except (*_NOT_AN_ARRAY, StopIteration) as error:
            raise DamagedError(f"an array can't be read: {error}") from error
        if len(lengths) > 1:
            raise DamagedError("its arrays hold another number of images than its index")
        return shard

    def representation(self) -> Representation:
        """Return the features of all images of the shard."""
        dense = {n.removeprefix("dense."): a for n, a in self.arrays.items() if n.startswith("dense.")}
        ragged = {}
        for name in (n.removeprefix("rows.") for n in self.arrays if n.startswith("rows.")):
            counts = np.asarray(self.arrays[f"counts.{name}"])
            ragged[name] = Ragged(self.arrays[f"rows.{name}"], np.cumsum(counts) - counts, counts)
        return Representation(dense, ragged, checked=True)

    def check(self, places: NDArray[np.int64] | None = None) -> None:
        """Check every block that holds features of some images.

        Args:
            places: Places of the images in the shard; by default all images.

        Raises:
            DamagedError: A block has another digest, or a file another size.
            GoneError: The folder does not exist any more.
            OSError: A file can't be read.
        """
        try:
            for name, digests in (self.digests or {}).items():
                blocks = None if places is None else self._blocks(name, places, len(digests.blocks))
                digests.check(self.folder / f"{name}.npy", blocks)
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise GoneError from error
            raise DamagedError(f"{Path(error.filename).name} is missing") from error

    def _blocks(self, name: str, places: NDArray[np.int64], n_block: int) -> list[int]:
        """Return the blocks of an array's file that hold the entries of some images."""
        array = self.arrays[name]
        if not isinstance(array, np.memmap) or not len(array):  # it has no rows, or the header is all of it
            return list(range(n_block))
        start, n_row = places, np.ones(len(places), dtype=np.int64)
        if name.startswith("rows."):
            counts = np.asarray(self.arrays[f"counts.{name.removeprefix('rows.')}"])
            start, n_row = (np.cumsum(counts) - counts)[places], counts[places]
        row_size = array.nbytes // len(array)
        first = (array.offset + start * row_size) // BLOCK
        last = (array.offset + (start + n_row) * row_size - 1) // BLOCK
        has_rows = n_row > 0
        change = np.zeros(n_block + 1, dtype=np.int64)
        np.add.at(change, first[has_rows], 1)
        np.add.at(change, last[has_rows] + 1, -1)
        blocks: list[int] = np.flatnonzero(np.cumsum(change)[:n_block] > 0).tolist()
        return blocks

    def add_digests(self) -> None:
        """Write an index with the digests of the arrays as they are now.

        Raises:
            OSError: The index can't be written.
        """
        write_index(self.folder, self.images, self.costs)


def write_shard(folder: Path, images: Sequence[str], costs: Sequence[float], features: Representation) -> None:
    """Write the features of some images into an empty folder."""
    for name, array in features.dense.items():
        _write_rows(folder / f"dense.{name}.npy", array, len(array), iter([array]))
    for name, ragged in features.ragged.items():
        packed = Ragged.from_rows([ragged[i] for i in range(len(ragged))])
        for kind, array in (("rows", packed.values), ("counts", packed.counts)):
            _write_rows(folder / f"{kind}.{name}.npy", array, len(array), iter([array]))
    write_index(folder, images, costs)


def write_merged(folder: Path, shards: Sequence[Shard]) -> None:
    """Write the features of several shards into an empty folder, array by array.

    Only the rows of one shard are in memory. An image that several shards hold is taken from the first.
    """
    kept: list[NDArray[np.int64]] = []
    images: dict[str, float] = {}
    for shard in shards:
        new = [i for i, image in enumerate(shard.images) if image not in images]
        images |= {shard.images[i]: shard.costs[i] for i in new}
        kept.append(np.array(new, dtype=np.int64))
    parts = [shard.representation().take(rows) for shard, rows in zip(shards, kept, strict=True)]
    for name in parts[0].dense:
        arrays = [part.dense[name] for part in parts]
        _write_rows(folder / f"dense.{name}.npy", arrays[0], sum(map(len, arrays)), iter(arrays))
    for name in parts[0].ragged:
        ragged = [part.ragged[name] for part in parts]
        counts = np.concatenate([rows.counts for rows in ragged])
        _write_rows(folder / f"counts.{name}.npy", counts, len(counts), iter([counts]))
        n_row = sum(int(rows.counts.sum()) for rows in ragged)
        blocks = (rows[image] for rows in ragged for image in range(len(rows)))
        _write_rows(folder / f"rows.{name}.npy", ragged[0].values, n_row, blocks)
    write_index(folder, list(images), list(images.values()))


def write_index(folder: Path, images: Sequence[str], costs: Sequence[float]) -> None:
    """Write the index of a folder that holds all arrays."""
    arrays = {path.stem: FileDigests.of(path).to_json() for path in sorted(folder.glob("*.npy"))}
    index = with_digest({"images": list(images), "seconds": list(costs), "arrays": arrays})
    write_text(folder / _INDEX, json.dumps(index))


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

    The file is not mapped for writing: mapped pages count as memory, and local features take gigabytes. ``np.save`` is
    not used, because on a full disk its error does not have the reason.
    """
    header = {"descr": dtype_to_descr(like.dtype), "fortran_order": False, "shape": (n_row, *like.shape[1:])}
    with path.open("wb") as file:
        write_array_header_2_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block).tobytes())
