"""The digest of the masks that a run uses, for its id and for the commands that open it again."""

from __future__ import annotations

from collections.abc import Sequence

from reidbench.data.image_masks import digest_of_masks
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.records.run_record import RunRecord
from reidbench.running.building import FeaturePart


def masks_used(parts: Sequence[FeaturePart], images: ImageSet) -> str:
    """Return the digest of all masks of a dataset; empty if no part uses masks, or no image has one.

    Images that a split leaves out count too. Otherwise runs on two splits would seem to have different masks.

    Args:
        parts: The parts of a method that extract features.
        images: The dataset.
    """
    if not any(part.method.uses_masks for part in parts):
        return ""
    return digest_of_masks(images)


def check_masks(record: RunRecord, parts: Sequence[FeaturePart], images: ImageSet) -> None:
    """Check that the masks of a dataset are those that a run used.

    Raises:
        ReidbenchError: They have changed, or are missing, or the run was made without them.
    """
    digest, recorded = masks_used(parts, images), record.data.masks
    if digest == recorded:
        return
    change = (
        "the run used masks, and the dataset has none" if not digest
        else "the dataset has masks, and the run was made without" if not recorded
        else "the masks of the dataset are not those of the run"
    )  # fmt: skip
    raise ReidbenchError(
        f"{change} (column segmentation)",
        where=str(record.path),
        remedy="name the dataset with the masks of the run by --dataset, or repeat the run",
    )
