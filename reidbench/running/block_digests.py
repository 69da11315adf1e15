"""Digests of files by block, so that a damaged file is found when a part of it is first read.

A digest is XXH3 of 64 bits: it finds accidents, not attacks, and hashes some 10 GB/s. Blocks are read as files, not
through a memory map, because the pages of a map count as memory. A process checks each block of a file once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_hexdigest

BLOCK = 2**20
"""Bytes in a block."""
_CHECKED: dict[tuple[int, ...], NDArray[np.bool_]] = {}
"""Blocks that this process has checked, by device, inode, size and time of change of their files."""


class DamagedError(ValueError):
    """The content of a file proves that it is damaged: it is not what reidbench wrote."""


@dataclass(frozen=True, slots=True)
class FileDigests:
    """Size and digests of a file.

    Attributes:
        size: Size in bytes.
        blocks: Digest of each block, in hexadecimal digits.
    """

    size: int
    blocks: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> FileDigests:
        """Return the digests of a file as it is now."""
        with path.open("rb") as file:
            blocks = tuple(xxh3_64_hexdigest(block) for block in iter(lambda: file.read(BLOCK), b""))
            return cls(file.tell(), blocks)

    @classmethod
    def from_json(cls, value: Any) -> FileDigests:
        """Return the digests in a JSON object.

        Raises:
            DamagedError: It is no such object.
        """
        try:
            digests = cls(int(value["size"]), tuple(map(str, value["xxh3"])))
        except (TypeError, KeyError, ValueError) as error:
            raise DamagedError("its digests can't be read") from error
        if len(digests.blocks) != -(-digests.size // BLOCK):
            raise DamagedError("the number of its digests is wrong")
        return digests

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"size": self.size, "xxh3": list(self.blocks)}

    def check(self, path: Path, blocks: Iterable[int] | None = None) -> None:
        """Check some blocks of a file, or all. Blocks that this process has checked are not read again.

        Args:
            path: The file.
            blocks: Numbers of the blocks, counted from 0; by default all.

        Raises:
            DamagedError: The file has another size, or a block has another digest.
            OSError: The file can't be read.
        """
        stat = path.stat()
        if stat.st_size != self.size:
            raise DamagedError(f"{path.name} has {stat.st_size} bytes, not {self.size}")
        file_id = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        checked = _CHECKED.setdefault(file_id, np.zeros(len(self.blocks), dtype=bool))
        wanted = np.arange(len(self.blocks)) if blocks is None else np.fromiter(blocks, np.int64)
        wanted = wanted[~checked[wanted]]
        if not len(wanted):
            return
        with path.open("rb", buffering=0) as file:
            buffer = memoryview(bytearray(BLOCK))
            for number in wanted.tolist():
                file.seek(number * BLOCK)
                if xxh3_64_hexdigest(buffer[: _fill(file, buffer)]) != self.blocks[number]:
                    raise DamagedError(f"{path.name} is damaged in the block of {BLOCK} bytes at {number * BLOCK}")
                checked[number] = True


def _fill(file: Any, buffer: memoryview) -> int:
    """Read until the buffer is full or the file ends; return the number of bytes."""
    size = 0
    while size < len(buffer) and (n_read := file.readinto(buffer[size:])):
        size += n_read
    return size


def with_digest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with one more key, ``xxh3``: the digest of the others."""
    return {**values, "xxh3": _digest(values)}


def without_digest(values: Any) -> dict[str, Any]:
    """Check the digest of a JSON object, and return the object without it. One without a digest is returned as it is.

    Raises:
        DamagedError: It is no object, or its digest is another one.
    """
    if not isinstance(values, dict):
        raise DamagedError("it holds no JSON object")
    if "xxh3" in values:
        rest = _without(values, "xxh3")
        if values["xxh3"] != _digest(rest):
            raise DamagedError("its content has another digest")
        return rest
    texts = [name for name, value in values.items() if isinstance(value, str)]
    if any(values[name] == _digest(_without(values, name)) for name in texts):
        raise DamagedError("the name of its digest is damaged")
    return values


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in values.items() if other != name}


def _digest(values: Mapping[str, Any]) -> str:
    return xxh3_64_hexdigest(json.dumps(values, sort_keys=True).encode())
