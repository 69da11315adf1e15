"""Near-duplicates by the embedding of a saved run: what a method holds to be one photograph, mirrored and turned too.

A good method makes two photographs of one animal alike, which is no leak. The cut therefore stands above what
photographs of *different* encounters reach, of one animal where they are dated and of two animals always.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.auditing.nearest import CosinePairs, nearest_above
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import load_registry
from reidbench.running.reopening import reopen

FLOOR = 0.9
"""Least cosine that is ever called near; the authors of WildlifeReID-10k used .90 to .999, by dataset."""
ALARMED = 0.01
"""Share of images that may reach the cut with an image of another encounter."""
_BLOCK = 1 << 24  # numbers of a block: 67 MB of float32, and as much again for what is masked


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """What a run said of the images of its split.

    Attributes:
        run: Its id.
        method: Its method.
        rows: The images that it described, ``(n,)``.
        unit: Their embeddings, each of length 1, ``(n, dim)`` float32.
    """

    run: str
    method: str
    rows: NDArray[np.int64]
    unit: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.unit.ndim != 2 or len(self.rows) != len(self.unit):
            raise ValueError(f"embeddings have shape {self.unit.shape} for {len(self.rows)} images")


@dataclass(frozen=True, slots=True, eq=False)
class NearEmbeddings:
    """Pairs of images by embedding, and the cut that they reach.

    Attributes:
        pairs: Rows of the dataset, and cosines.
        cut: Least cosine of a pair.
        note: Where the cut comes from.
    """

    pairs: CosinePairs
    cut: float
    note: str


def read_embeddings(record: RunRecord, images: ImageSet, progress: Progress) -> Embeddings:
    """Return the embeddings of a saved run, from the cache where they are.

    Raises:
        ReidbenchError: The run is of other images, or its method gives more or other than one vector for each image.
    """
    described = reopen(record, images, registry=load_registry(), progress=progress).describe_again()
    parts = [described[part].representation for part in ("gallery", "calibration", "test")]
    names = list(parts[0].dense)
    if parts[0].ragged or len(names) != 1 or parts[0].dense[names[0]].ndim != 2:
        raise ReidbenchError(
            f"{record.method} does not describe an image by one vector, so its run has no embedding to compare",
            where=f"--embedding {record.id}",
            remedy="name a run of a method with embeddings; reidbench methods lists them",
        )
    vectors = np.concatenate([np.asarray(part.dense[names[0]], dtype=np.float32) for part in parts])
    rows, first = np.unique(
        np.concatenate([described[part].indices for part in ("gallery", "calibration", "test")]), return_index=True
    )
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.where(length > 0, vectors / np.maximum(length, 1e-12), 0).astype(np.float32)
    return Embeddings(record.id, record.method, rows, unit[first])


def near_embeddings(embeddings: Embeddings, images: ImageSet, linked: NDArray[np.int64]) -> NearEmbeddings:
    """Find images whose embeddings are nearer than those of different encounters are.

    Args:
        embeddings: Of some or all of the images.
        images: Their identities and dates.
        linked: The same number for images that are one photograph already, which say nothing of the cut,
            ``(n_image,)``.
    """
    days = images.date[embeddings.rows]
    identity = np.unique(images.identity[embeddings.rows], return_inverse=True)[1]
    date = np.unique(days, return_inverse=True)[1]
    dated = days != ""
    best = _best_of_others(embeddings.unit, identity, date, dated, linked[embeddings.rows])
    known = best[best > -1]
    reached = float(np.quantile(known, 1 - ALARMED)) if len(known) else FLOOR
    cut = min(1 - 1e-6, max(FLOOR, reached))  # equal vectors may have a cosine of a rounding below 1
    found = nearest_above(embeddings.unit, cut)
    of = "of other encounters" if dated.any() else "of other animals (no dates, so days of one animal can't be told)"
    note = (
        f"Near in embedding: {embeddings.method}, run {embeddings.run}, {len(embeddings.rows)} of {len(images)} "
        f"images; cosine from {cut:.4f} up. 99 % of the images stay below {max(reached, 0):.4f} with images {of}."
    )
    rows = np.sort(embeddings.rows[found.rows], axis=1)
    return NearEmbeddings(CosinePairs(rows, found.cosine), cut, note)


def _best_of_others(
    unit: NDArray[np.float32],
    identity: NDArray[np.int64],
    date: NDArray[np.int64],
    dated: NDArray[np.bool_],
    linked: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the best cosine of each row with one of certainly another encounter, -1 where there is none."""
    best = np.full(len(unit), -1, np.float32)
    step = max(1, _BLOCK // max(1, len(unit)))
    for start in range(0, len(unit), step):
        mine = slice(start, start + step)
        alike = unit[mine] @ unit.T
        other_day = dated[mine, None] & dated & (date[mine, None] != date)
        other = (identity[mine, None] != identity) | other_day
        alike[~other | (linked[mine, None] == linked)] = -1
        best[mine] = alike.max(axis=1)
    return best
