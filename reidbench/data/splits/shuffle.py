"""Random orders that are the same on every machine and with every release of numpy."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


class Shuffle:
    """Random orders that depend only on seed, group and purpose.

    They use the raw stream of PCG64, which numpy promises never to change; it makes no such promise for
    ``Generator.permutation``. Names enter by SHA-256, because ``hash()`` differs between processes.

    Args:
        seed: Seed of the split.
        group: Name of the group.
    """

    def __init__(self, seed: int, group: str) -> None:
        self._seed, self._group = seed, group

    def __call__(self, items: list[Item], purpose: str) -> list[Item]:
        """Return the items in a random order; the same number of items and purpose give the same order."""
        name = hashlib.sha256(f"{self._group}\x00{purpose}".encode()).digest()
        words = [int.from_bytes(name[start : start + 4], "little") for start in range(0, 32, 4)]
        keys = np.random.PCG64(np.random.SeedSequence([self._seed, *words])).random_raw(len(items))
        return [items[index] for index in np.argsort(keys, kind="stable")]
