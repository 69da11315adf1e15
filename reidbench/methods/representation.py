"""The features of a set of images: named arrays with one entry, or several rows, for each image.

Most methods compute one vector for each image (``dense``). The number of local features differs between images
(``ragged``): one array holds the rows of all images, and each image has a start and a count. There are only plain
arrays, so the cache can store them without pickles and read them by memory map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

PART_MARK = "/"
"""Separates the name of a part and the name of its array in the representation of a fusion."""


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Rows of several images in one array: those of image ``i`` are ``values[starts[i]:starts[i] + counts[i]]``.

    :meth:`take` copies no rows: descriptors that are mapped from disk are read only when they are compared.

    Raises:
        ValueError: An image has rows outside ``values``, or the arrays differ in length.
    """

    values: NDArray[Any]  # (n_row, ...)
    starts: NDArray[np.int64]  # (n_image,)
    counts: NDArray[np.int64]  # (n_image,)

    def __post_init__(self) -> None:
        if self.starts.shape != self.counts.shape or self.starts.ndim != 1:
            raise ValueError(f"starts and counts have shapes {self.starts.shape} and {self.counts.shape}")
        ends = self.starts + self.counts
        if len(ends) and (self.starts.min() < 0 or self.counts.min() < 0 or ends.max() > len(self.values)):
            raise ValueError(f"an image has rows outside the array of {len(self.values)} rows")

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, image: int) -> NDArray[Any]:
        start = self.starts[image]
        return self.values[start : start + self.counts[image]]

    @classmethod
    def from_rows(cls, rows: Sequence[NDArray[Any]]) -> Ragged:
        """Join one array for each image, ``(n_row, ...)`` with equal trailing shapes.

        Example:
            >>> Ragged.from_rows([np.zeros((2, 3)), np.zeros((0, 3))]).counts.tolist()
            [2, 0]
        """
        counts = np.array([len(row) for row in rows], dtype=np.int64)
        return cls(np.concatenate(list(rows)), np.cumsum(counts) - counts, counts)

    def take(self, images: NDArray[np.int64]) -> Ragged:
        """Return the given images, in the given order."""
        return Ragged(self.values, self.starts[images], self.counts[images])

    def padded(self, images: Sequence[int] | NDArray[np.int64], fill: float = 0.0) -> NDArray[Any]:
        """Return the rows of images as one float32 array ``(n_image, n_row, ...)``.

        ``n_row`` is the largest number of rows of these images; the others are padded with ``fill``.
        """
        n_row = int(self.counts[images].max(initial=0))
        shape = (len(images), n_row, *self.values.shape[1:])
        block = np.full(shape, fill, dtype=np.float32)
        for number, image in enumerate(images):
            rows = self[int(image)]
            block[number, : len(rows)] = rows
        return block


@dataclass(frozen=True, slots=True, eq=False)
class Representation:
    """The features of ``n`` images as named arrays.

    Attributes:
        dense: Arrays with one entry for each image, ``(n, ...)``.
        ragged: Arrays with several rows for each image.
        curve: Number of the score calibration curve for each image as a query, ``(n,)``. The core sets it; ``None``
            without score calibration.
        checked: Skip the checks, because the arrays come from a representation that passed them.

    Raises:
        ValueError: The arrays hold different numbers of images, or an array contains ``nan``.
    """

    dense: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    ragged: Mapping[str, Ragged] = field(default_factory=dict)
    curve: NDArray[np.int64] | None = None
    checked: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if self.checked:
            return
        lengths = {name: len(self.dense[name]) for name in self.dense} | {
            name: len(self.ragged[name]) for name in self.ragged
        }
        if self.curve is not None:
            lengths["curve"] = len(self.curve)
        if len(set(lengths.values())) != 1:
            raise ValueError(f"the arrays of a representation must hold the same images, but have lengths {lengths}")
        arrays = [*self.dense.items(), *((name, ragged.values) for name, ragged in self.ragged.items())]
        for name, array in arrays:
            if np.issubdtype(array.dtype, np.floating) and np.isnan(array).any():
                raise ValueError(f"'{name}' contains nan")

    def __len__(self) -> int:
        if self.dense:
            return len(next(iter(self.dense.values())))
        return len(next(iter(self.ragged.values())))

    def take(self, images: NDArray[np.int64]) -> Representation:
        """Return the given images, in the given order."""
        return Representation(
            {name: array[images] for name, array in self.dense.items()},
            {name: ragged.take(images) for name, ragged in self.ragged.items()},
            None if self.curve is None else self.curve[images],
            checked=True,
        )

    def judged_by(self, curve: NDArray[np.int64]) -> Representation:
        """Return the same images with the number of each image's calibration curve.

        Raises:
            ValueError: The numbers of images and curves differ.
        """
        if len(curve) != len(self):
            raise ValueError(f"{len(self)} images have {len(curve)} curves")
        return replace(self, curve=np.asarray(curve, dtype=np.int64))

    @classmethod
    def join(cls, parts: Mapping[str, Representation]) -> Representation:
        """Join the representations of several parts into one; :meth:`part` returns one of them."""
        return cls(
            {f"{name}{PART_MARK}{key}": array for name, part in parts.items() for key, array in part.dense.items()},
            {f"{name}{PART_MARK}{key}": rows for name, part in parts.items() for key, rows in part.ragged.items()},
            checked=True,
        )

    def part(self, path: str) -> Representation:
        """Return the representation of one part.

        Args:
            path: Name of the part, or names joined by ``/`` for a part of a part; empty for the whole.

        Raises:
            ValueError: There is no such part.
        """
        if not path:
            return self
        prefix = f"{path}{PART_MARK}"
        dense = {key.removeprefix(prefix): array for key, array in self.dense.items() if key.startswith(prefix)}
        ragged = {key.removeprefix(prefix): rows for key, rows in self.ragged.items() if key.startswith(prefix)}
        if not dense and not ragged:
            raise ValueError(f"no part is called '{path}'")
        return Representation(dense, ragged, self.curve, checked=True)
