"""The digest of the masks that a run uses, for its id and for the commands that open it again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reidbench.data.image_masks import digest_of_masks
from reidbench.data.images import ImageSet
from reidbench.data.splits import Split
from reidbench.errors import ReidbenchError
from reidbench.records.run_record import RunRecord
from reidbench.running.building import FeaturePart

_USED = ("gallery", "fit", "calibration", "test")


def masks_used(parts: Sequence[FeaturePart], images: ImageSet, split: Split) -> str:
    """Return the digest of the masks of the split's images; empty if no part uses masks, or no image has one.

    Args:
        parts: The parts of a method that extract features.
        images: The dataset.
        split: The split of the run.
    """
    if not any(part.method.uses_masks for part in parts):
        return ""
    return digest_of_masks(images.take(np.concatenate([split.indices(part, images) for part in _USED])))


def check_masks(record: RunRecord, parts: Sequence[FeaturePart], images: ImageSet, split: Split) -> None:
    """Check that the masks of a dataset are those that a run used.

    Raises:
        ReidbenchError: They have changed, or are missing, or the run was made without them.
    """
    digest, recorded = masks_used(parts, images, split), record.data.masks
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
