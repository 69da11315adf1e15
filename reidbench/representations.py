"""What a method knows of a set of images: named arrays, one entry for each image.

Most methods give one vector for each image (``dense``). Local features differ in number from image to
image (``ragged``): their rows stand one after another, and ``offsets`` says where each image begins.
Plain arrays only, so that a cache can hold them without pickles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Rows of several images in one array: image ``i`` owns ``values[offsets[i]:offsets[i + 1]]``."""

    values: NDArray  # (n_row, ...)
    offsets: NDArray[np.int64]  # (n_image + 1,)

    def __post_init__(self) -> None:
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.values) or (np.diff(self.offsets) < 0).any():
            raise ValueError("offsets must rise from 0 to the number of rows")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, image: int) -> NDArray:
        return self.values[self.offsets[image] : self.offsets[image + 1]]

    @classmethod
    def from_rows(cls, rows: Sequence[NDArray]) -> Ragged:
        """Join one array for each image; every array has the same trailing shape."""
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        return cls(np.concatenate(list(rows)), offsets)

    def take(self, images: NDArray[np.int64]) -> Ragged:
        if not len(images):
            return Ragged(self.values[:0], np.zeros(1, np.int64))
        return Ragged.from_rows([self[int(image)] for image in images])


@dataclass(frozen=True, slots=True, eq=False)
class Representation:
    """Named arrays of ``n`` images. ``nan`` is refused where it arises, not where it is compared."""

    dense: Mapping[str, NDArray] = field(default_factory=dict)  # each (n, ...)
    ragged: Mapping[str, Ragged] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(self.dense[name]) for name in self.dense} | {
            name: len(self.ragged[name]) for name in self.ragged
        }
        if len(set(lengths.values())) != 1:
            raise ValueError(f"every array of a representation holds the same images, not {lengths}")
        arrays = [*self.dense.items(), *((name, ragged.values) for name, ragged in self.ragged.items())]
        for name, array in arrays:
            if np.issubdtype(array.dtype, np.floating) and np.isnan(array).any():
                raise ValueError(f"'{name}' contains nan")

    def __len__(self) -> int:
        if self.dense:
            return len(next(iter(self.dense.values())))
        return len(next(iter(self.ragged.values())))

    def take(self, images: NDArray[np.int64]) -> Representation:
        """Return the rows ``images``, in that order."""
        return Representation(
            {name: array[images] for name, array in self.dense.items()},
            {name: ragged.take(images) for name, ragged in self.ragged.items()},
        )
