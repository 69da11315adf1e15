"""What a method knows of a set of images: named arrays, one entry for each image.

Most methods give one vector for each image (``dense``). Local features differ in number from image to
image (``ragged``): rows of all images stand in one array, and each image says which are its own. Plain
arrays only, so that a store can hold them without pickles and read them back by memory map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

PART_MARK = "/"
"""Between the name of a part and the name of its array, in the representation of a method made of parts."""


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Rows of several images in one array: image ``i`` owns ``values[starts[i]:starts[i] + counts[i]]``.

    Taking images copies no row: descriptors that are mapped from disk stay there until they are compared.
    """

    values: NDArray[Any]  # (n_row, ...)
    starts: NDArray[np.int64]  # (n_image,)
    counts: NDArray[np.int64]  # (n_image,)

    def __post_init__(self) -> None:
        if self.starts.shape != self.counts.shape or self.starts.ndim != 1:
            raise ValueError(f"starts and counts have shapes {self.starts.shape} and {self.counts.shape}")
        ends = self.starts + self.counts
        if len(ends) and (self.starts.min() < 0 or self.counts.min() < 0 or ends.max() > len(self.values)):
            raise ValueError(f"an image owns rows outside the {len(self.values)} that there are")

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, image: int) -> NDArray[Any]:
        start = self.starts[image]
        return self.values[start : start + self.counts[image]]

    @classmethod
    def from_rows(cls, rows: Sequence[NDArray[Any]]) -> Ragged:
        """Join one array for each image; every array has the same trailing shape.

        Example:
            >>> Ragged.from_rows([np.zeros((2, 3)), np.zeros((0, 3))]).counts.tolist()
            [2, 0]
        """
        counts = np.array([len(row) for row in rows], dtype=np.int64)
        return cls(np.concatenate(list(rows)), np.cumsum(counts) - counts, counts)

    def take(self, images: NDArray[np.int64]) -> Ragged:
        """Return the images ``images``, in that order."""
        return Ragged(self.values, self.starts[images], self.counts[images])

    def padded(self, images: Sequence[int] | NDArray[np.int64], fill: float = 0.0) -> NDArray[Any]:
        """Return float32 ``(n_image, most rows, ...)``; images with fewer rows end in ``fill``."""
        most = int(self.counts[images].max(initial=0))
        shape = (len(images), most, *self.values.shape[1:])
        block = np.full(shape, fill, dtype=np.float32)
        for place, image in enumerate(images):
            rows = self[int(image)]
            block[place, : len(rows)] = rows
        return block


@dataclass(frozen=True, slots=True, eq=False)
class Representation:
    """Named arrays of ``n`` images. ``nan`` is refused where it arises, not where it is compared.

    Attributes:
        dense: One entry for each image, ``(n, ...)``.
        ragged: Several rows for each image.
        curve: Which score calibration curve judges each image as a query, ``(n,)``; set by the core,
            ``None`` where nothing is calibrated.
        checked: The arrays come from a representation that has been checked.
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
            None if self.curve is None else self.curve[images],
            checked=True,
        )

    def judged_by(self, curve: NDArray[np.int64]) -> Representation:
        """Return the same images, each with the number of the curve that calibrates its scores."""
        if len(curve) != len(self):
            raise ValueError(f"{len(self)} images have {len(curve)} curves")
        return replace(self, curve=np.asarray(curve, dtype=np.int64))

    @classmethod
    def join(cls, parts: Mapping[str, Representation]) -> Representation:
        """Put the representations of several parts side by side; :meth:`part` gives one back."""
        return cls(
            {f"{name}{PART_MARK}{key}": array for name, part in parts.items() for key, array in part.dense.items()},
            {f"{name}{PART_MARK}{key}": rows for name, part in parts.items() for key, rows in part.ragged.items()},
            checked=True,
        )

    def part(self, path: str) -> Representation:
        """Return what :meth:`join` was given for one part, or for a part of a part by its path; empty for the whole.

        Raises:
            ValueError: There is no such part.
        """
        if not path:
            return self
        start = f"{path}{PART_MARK}"
        dense = {key.removeprefix(start): array for key, array in self.dense.items() if key.startswith(start)}
        ragged = {key.removeprefix(start): rows for key, rows in self.ragged.items() if key.startswith(start)}
        if not dense and not ragged:
            raise ValueError(f"no part is called '{path}'")
        return Representation(dense, ragged, self.curve, checked=True)
