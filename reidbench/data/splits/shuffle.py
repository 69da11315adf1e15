"""Orders that are the same on every machine and with every release of numpy."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


class Shuffle:
    """Orders that depend on seed, group and purpose alone.

    Only the raw stream of PCG64 is used: numpy promises that it never changes, and promises nothing of the kind
    for ``Generator.permutation``. Names enter through SHA-256, as ``hash()`` differs from process to process.
    """

    def __init__(self, seed: int, group: str) -> None:
        self._seed, self._group = seed, group

    def __call__(self, items: list[Item], purpose: str) -> list[Item]:
        name = hashlib.sha256(f"{self._group}\x00{purpose}".encode()).digest()
        words = [int.from_bytes(name[start : start + 4], "little") for start in range(0, 32, 4)]
        keys = np.random.PCG64(np.random.SeedSequence([self._seed, *words])).random_raw(len(items))
        return [items[index] for index in np.argsort(keys, kind="stable")]
