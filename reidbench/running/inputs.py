"""What a saved run was made of: its images and its split, checked against the digests in its record.

A record says where its dataset was found, but runs are moved and published, and datasets too: whoever knows a better
place names it, and the digest decides.
"""

from __future__ import annotations

from pathlib import Path

from reidbench.constants import BUILT_IN
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split, read_split
from reidbench.data.splitting import split_of_kind
from reidbench.errors import ReidbenchError
from reidbench.records.run_record import RunRecord
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry


def dataset_of(
    record: RunRecord, source: str | None = None, root: Path | None = None, registry: Registry | None = None
) -> ImageSet:
    """Return the images that a run stands on.

    Args:
        record: The run.
        source: The dataset as ``run --dataset`` takes it; by default where the run found it. Drawn animals need no
            name.
        root: Folder of the images, where the dataset needs one.
        registry: Where plugins' datasets come from; by default the installed plugins, looked up where needed.

    Raises:
        ReidbenchError: The place of the dataset is not known, can't be read, or holds other images than the run had.
    """
    name = source or record.data.dataset.asked
    if name is None and (root is not None or record.dataset.partition(":")[0] == BUILT_IN):
        name = record.dataset  # a set of images that was made in Python has a name and no place
    if name is None:
        raise ReidbenchError(
            f"the record does not say where '{record.dataset}' was found",
            where=str(record.path),
            remedy="name it with --dataset, and --root where it needs one",
        )
    if root is None and source is None and record.data.dataset.root:
        root = Path(record.data.dataset.root)
    try:
        images = load_dataset(name, root, registry)
    except ReidbenchError as error:
        if source is not None:
            raise
        raise ReidbenchError(
            f"'{record.dataset}' is not where the run found it: {error.message}",
            where=error.where,
            remedy="name its place with --dataset, and --root where it needs one",
        ) from error
    check_images(record, images)
    return images


def check_images(record: RunRecord, images: ImageSet) -> None:
    """Refuse other images than a run was made of.

    Raises:
        ReidbenchError: The digest is not that of the record.
    """
    recorded = record.data.dataset
    if images.digest == recorded.digest:
        return
    counted = "" if len(images) == recorded.n_images else f"{len(images)} images against {recorded.n_images}, "
    raise ReidbenchError(
        f"'{images.name}' as it is at this place is not the dataset of the run: {counted}"
        f"digest {images.digest[:12]}, not {recorded.digest[:12]}",
        where=str(record.path),
        remedy=f"name the dataset '{record.dataset}' that was run, unchanged, with --dataset and --root",
    )


def split_of(record: RunRecord, images: ImageSet) -> Split:
    """Return the split of a run: from its folder, or where the record came alone, made again.

    Raises:
        ReidbenchError: It can't be made again, or is not that of the run.
    """
    recorded = record.data.split
    path = record.path / "split.csv"
    if path.exists():
        read = read_split(path, images)
        split = Split(read.image_ids, read.parts, recorded.kind, record.split_seed)
    elif record.split_seed is not None:
        split = split_of_kind(images, recorded.kind, seed=record.split_seed, new_share=recorded.new_share)
    else:
        raise ReidbenchError(
            "the run's split came from a file, and it is not beside the record",
            where=str(path),
            remedy="put the split.csv of the run there",
        )
    if split.digest != recorded.digest:
        raise ReidbenchError(
            f"the split is not that of the run: its digest is {split.digest[:12]}, not {recorded.digest[:12]}",
            where=str(path),
            remedy="put the split.csv of the run there, unchanged",
        )
    return split
