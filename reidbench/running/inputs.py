"""Images and split of a saved run, checked against the digests in its record.

A record holds the place where the run found its dataset. Runs and datasets are moved and published, so a user can name
another place; the digest is always checked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reidbench.constants import BUILT_IN
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split, read_split
from reidbench.data.splitting import split_again
from reidbench.errors import ReidbenchError
from reidbench.records.image_ids import saved_images
from reidbench.records.run_record import RunRecord
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Registry


def dataset_of(
    record: RunRecord,
    source: str | None = None,
    root: Path | None = None,
    registry: Registry | None = None,
    *,
    unknown: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> ImageSet:
    """Return the images of a run.

    Args:
        record: The run.
        source: The dataset as ``run --dataset`` takes it; by default the place where the run found it. Drawn animals
            need no name.
        root: Folder of the images, if the dataset needs one.
        registry: Datasets of plugins; by default those of the installed plugins.
        unknown: Further words for an unidentified animal; by default those of the run.
        names: Words that are names; by default those of the run.

    Raises:
        ReidbenchError: The place of the dataset is not known or can't be read, or its images are not those of the run.
    """
    name = source or record.data.dataset.asked
    if name is None and (root is not None or record.dataset.partition(":")[0] == BUILT_IN):
        name = record.dataset  # an image set that was made in Python has a name but no place
    if name is None:
        raise ReidbenchError(
            f"the record does not hold the place of the dataset '{record.dataset}'",
            where=str(record.path),
            remedy="name it with --dataset, and with --root if it needs a folder",
        )
    if root is None and source is None and record.data.dataset.root:
        root = Path(record.data.dataset.root)
    try:
        given = {"unknown": unknown, "names": names}
        rules = record.data.dataset.reading_arguments()
        rules |= {option: value for option, value in given.items() if value is not None}
        images = load_dataset(name, root, registry, **rules)
    except ReidbenchError as error:
        if source is not None:
            raise
        raise ReidbenchError(
            f"the dataset '{record.dataset}' is no longer where the run found it: {error.message}",
            where=error.where,
            remedy="name its place with --dataset, and with --root if it needs a folder",
        ) from error
    return images_of_run(record, images)


def images_of_run(record: RunRecord, images: ImageSet) -> ImageSet:
    """Return images as a run used them: in the order of the run, and for an older run with its rule of digests.

    Images that the run did not use, those in no part but ``unused``, may have been added or removed since.

    Args:
        record: The run.
        images: Its dataset, whatever its ids, its paths, the order of its rows and its name are now.

    Raises:
        ReidbenchError: An image that the run used is missing or changed.
    """
    used = same_images(record, images)
    if used is not None:
        return used
    recorded = record.data.dataset
    if recorded.digest_rule == 1 and images.digest_rule != 1:
        images = images.by_rule_1(recorded.name)
    if images.digest_rule != 1 and recorded.encounter_minutes is not None:
        images = images.with_encounter_minutes(recorded.encounter_minutes)
    counts = "" if len(images) == recorded.n_images else f"it has {len(images)} images, not {recorded.n_images}, and "
    raise ReidbenchError(
        f"'{images.name}' is not the dataset of the run, or has changed: {counts}"
        f"its digest is {images.digest[:12]}, not {recorded.digest[:12]}"
        + _missing(record, images)
        + (" (a run of an earlier version: ids and the order of rows count)" if recorded.digest_rule == 1 else ""),
        where=str(record.path),
        remedy=f"name the unchanged dataset '{record.dataset}' with --dataset and --root",
    )


def same_images(record: RunRecord, images: ImageSet) -> ImageSet | None:
    """Return what :func:`images_of_run` returns, ``None`` if images that the run used are not among them."""
    recorded = record.data.dataset
    if recorded.digest_rule == 1 and images.digest_rule != 1:
        images = images.by_rule_1(recorded.name)
    if images.digest == recorded.digest:
        return images.in_canonical_order()
    if not _has_used_images(record, images):
        return None
    return replace(images.in_canonical_order(), checked=True, digest_of_run=recorded.digest)


def change_since(record: RunRecord, images: ImageSet) -> str:
    """Return a note if the dataset has changed since the run, which did not use the changed images; else empty.

    Args:
        record: The run.
        images: Images from :func:`images_of_run`.
    """
    if not images.digest_of_run:
        return ""
    return (
        f"'{images.name}' has changed since the run: it has {len(images)} images, not {record.data.dataset.n_images}. "
        "All images that the run used are there and unchanged"
    )


def _missing(record: RunRecord, images: ImageSet) -> str:
    """Return how many images of a run are not in a set, and the first of them; empty if the run does not say."""
    saved = saved_images(record) if images.digest_rule != 1 and record.data.dataset.digest_rule != 1 else None
    if saved is None:
        return ""
    here = set(images.image_keys.tolist())
    used = (pair for ids, keys in saved.values() for pair in zip(ids.tolist(), keys.tolist(), strict=True))
    missing = [image_id for image_id, key in used if key not in here]
    if not missing:
        return ""
    return f"; images that the run used and that are missing or changed: {len(missing)}, such as '{missing[0]}'"


def _has_used_images(record: RunRecord, images: ImageSet) -> bool:
    """Tell whether all images that a run used are in a set; a run of an earlier version does not say which it used."""
    saved = saved_images(record) if images.digest_rule != 1 and record.data.dataset.digest_rule != 1 else None
    if saved is None:
        return False
    used = Counter(key for _, keys in saved.values() for key in keys.tolist())
    return used <= Counter(images.image_keys.tolist())


def _split_by_keys(record: RunRecord, images: ImageSet) -> Split | None:
    """Return the split of a run on images with other ids; ``None`` if the ids are those of the run.

    If unused images were added or removed, the split is always made by keys: ``split.csv`` names other images.
    """
    saved = saved_images(record) if images.digest_rule != 1 else None
    if saved is None:
        return None
    # Images with equal keys are interchangeable: each takes the next part of its key, in canonical order.
    parts_of: dict[str, list[str]] = defaultdict(list)
    id_of: dict[str, str] = {}
    for part, (ids, keys) in saved.items():
        for image_id, key in zip(ids.tolist(), keys.tolist(), strict=True):
            parts_of[key].append(part)
            id_of[image_id] = key
    own_keys = dict(zip(images.image_id.tolist(), images.image_keys.tolist(), strict=True))
    if not images.digest_of_run and all(own_keys.get(image_id) == key for image_id, key in id_of.items()):
        return None
    ordered = images.in_canonical_order()
    parts = [parts_of[key].pop(0) if parts_of[key] else "unused" for key in ordered.image_keys.tolist()]
    recorded = record.data.split
    image_ids = tuple(ordered.image_id.tolist())
    split = Split(image_ids, tuple(parts), recorded.kind, record.split_seed, new_share=recorded.new_share)
    return replace(split.on(images), digest_of_run=recorded.digest if images.digest_of_run else "")


def split_of(record: RunRecord, images: ImageSet) -> Split:
    """Return the split of a run, from its folder; without that file it is made again from its seed.

    Raises:
        ReidbenchError: The split can't be made again, or its digest is not that of the record.
    """
    recorded = record.data.split
    path = record.path / "split.csv"
    by_keys = _split_by_keys(record, images)
    if by_keys is not None:
        split = by_keys
    elif path.exists():
        read = read_split(path, images)
        split = Split(read.image_ids, read.parts, recorded.kind, record.split_seed, new_share=recorded.new_share)
        split = split.on(images)
    elif record.split_seed is not None:
        split = split_again(images, recorded.kind, seed=record.split_seed, new_share=recorded.new_share)
    else:
        raise ReidbenchError(
            "the split of the run came from a file, and the run folder does not hold it",
            where=str(path),
            remedy="copy the split.csv of the run there",
        )
    if split.digest != recorded.digest:
        raise ReidbenchError(
            f"the split is not that of the run: its digest is {split.digest[:12]}, not {recorded.digest[:12]}",
            where=str(path),
            remedy="copy the unchanged split.csv of the run there",
        )
    return split
