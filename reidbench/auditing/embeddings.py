"""Find near-duplicates by the embeddings of a saved run, such as mirrored copies and photographs of one sighting.

A good method also makes two ordinary photographs of one animal similar, and that is no leak. The limit of the cosine is
therefore set above the cosines of images from *different* encounters, of other animals or of one animal.
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
from reidbench.registry.registered import Registry, load_registry
from reidbench.running.reopening import reopen

LOWEST_COSINE = 0.9
"""The limit is never below this cosine. The authors of WildlifeReID-10k used .90 to .999, depending on the dataset."""
FALSE_ALARM_SHARE = 0.01
"""Share of the images that may reach the limit with an image of another encounter."""
_BLOCK = 1 << 24  # numbers in a block: 67 MB of float32, and the same again for masks


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """Embeddings of the images in the split of a saved run.

    Attributes:
        run: Id of the run.
        method: Method of the run.
        rows: Rows of the dataset, sorted, ``(n,)``.
        unit: Embedding of each row, scaled to length 1; a zero vector stays zero, ``(n, dim)`` float32.
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
    """Pairs of images that are near in embedding.

    Attributes:
        pairs: Rows of the dataset with their cosines.
        limit: Lowest cosine of a pair.
        note: How the limit was chosen, for the reader of an audit.
    """

    pairs: CosinePairs
    limit: float
    note: str


def read_embeddings(
    record: RunRecord, images: ImageSet, progress: Progress, registry: Registry | None = None
) -> Embeddings:
    """Return the embeddings of a saved run, from the cache or extracted again.

    Raises:
        ReidbenchError: The run is on other images, or its method does not give one vector for each image.
    """
    reopened = reopen(record, images, registry=registry or load_registry(), progress=progress)
    features = reopened.extractor.extract_again()
    parts = [features[part].representation for part in ("gallery", "calibration", "test")]
    names = list(parts[0].dense)
    if parts[0].ragged or len(names) != 1 or parts[0].dense[names[0]].ndim != 2:
        raise ReidbenchError(
            f"{record.method} does not give one vector for each image, so its run has no embeddings to compare",
            where=f"--embedding {record.id}",
            remedy="name a run of a method with embeddings, such as embedding_cosine; reidbench methods lists them",
        )
    vectors = np.concatenate([np.asarray(part.dense[names[0]], dtype=np.float32) for part in parts])
    row_of_id = {image_id: row for row, image_id in enumerate(images.image_id.tolist())}
    used = np.concatenate([features[part].indices for part in ("gallery", "calibration", "test")])
    # The rows of a run are in its own order; those of an audit are in the order of the table.
    in_table = np.array([row_of_id[image_id] for image_id in reopened.images.image_id[used].tolist()], dtype=np.int64)
    rows, first = np.unique(in_table, return_index=True)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.where(length > 0, vectors / np.maximum(length, 1e-12), 0).astype(np.float32)
    return Embeddings(record.id, record.method, rows, unit[first])


def near_embeddings(embeddings: Embeddings, images: ImageSet, linked: NDArray[np.int64]) -> NearEmbeddings:
    """Find images that are more similar in embedding than images of different encounters.

    The limit is the cosine that a share :data:`FALSE_ALARM_SHARE` of the images reaches with an image of another
    encounter. It is at least :data:`LOWEST_COSINE`.

    Args:
        embeddings: Embeddings of some or all of the images.
        images: The dataset, with identities and encounters.
        linked: Group of each image, ``(n_image,)``. Images of one group are already known to be copies, so they are
            not used to choose the limit.
    """
    identity = np.unique(images.identity[embeddings.rows], return_inverse=True)[1]
    encounter = np.unique(images.encounter[embeddings.rows], return_inverse=True)[1]
    placed = images.placed[embeddings.rows]
    best = _best_of_other_encounters(embeddings.unit, identity, encounter, placed, linked[embeddings.rows])
    compared = best[best > -1]
    quantile = float(np.quantile(compared, 1 - FALSE_ALARM_SHARE)) if len(compared) else LOWEST_COSINE
    limit = min(1 - 1e-6, max(LOWEST_COSINE, quantile))  # rounding may put the cosine of equal vectors below 1
    near = nearest_above(embeddings.unit, limit)
    unknown = "other animals (no dates and no encounter values, so the encounters of one animal are unknown)"
    others = "other encounters" if placed.any() else unknown
    note = (
        f"Near in embedding: {embeddings.method}, run {embeddings.run}, {len(embeddings.rows)} of {len(images)} "
        f"images; cosine of at least {limit:.4f}. For 99 % of the images the highest cosine with images of {others} is "
        f"below {max(quantile, 0):.4f}."
    )
    rows = np.sort(embeddings.rows[near.rows], axis=1)
    return NearEmbeddings(CosinePairs(rows, near.cosine), limit, note)


def _best_of_other_encounters(
    unit: NDArray[np.float32],
    identity: NDArray[np.int64],
    encounter: NDArray[np.int64],
    placed: NDArray[np.bool_],
    linked: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the highest cosine of each row with a row that is certainly of another encounter; -1 if there is none."""
    best = np.full(len(unit), -1, np.float32)
    step = max(1, _BLOCK // max(1, len(unit)))
    for start in range(0, len(unit), step):
        block = slice(start, start + step)
        cosine = unit[block] @ unit.T
        parted = placed[block, None] & placed & (encounter[block, None] != encounter)
        other_encounter = (identity[block, None] != identity) | parted
        cosine[~other_encounter | (linked[block, None] == linked)] = -1
        best[block] = cosine.max(axis=1)
    return best
