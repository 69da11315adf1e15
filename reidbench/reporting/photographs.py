"""The photographs of a run, made small enough for a page.

Runs are moved and published, so photographs are read only from datasets that the user names, as for ``run --dataset``.
The digest must be that of the run, so that the page shows the photographs that were evaluated.
"""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reidbench.constants import BUILT_IN
from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.data.pictures import PictureTooLargeError
from reidbench.data.side_words import side_of
from reidbench.errors import ReidbenchError
from reidbench.records.image_ids import saved_images
from reidbench.records.run_record import RunRecord
from reidbench.registry.datasets import load_dataset
from reidbench.running.inputs import same_images

LONGEST_SIDE = 176
JPEG_QUALITY = 70
BUDGET = 3_600_000  # bytes of all pictures of a page, as text: the page stays below 5 MB


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture as a ``data:`` address, and its size in pixels."""

    address: str
    width: int
    height: int


@dataclass(slots=True)
class Photographs:
    """The images of one dataset, or the reason why there are none.

    Attributes:
        images: The image set; ``None`` if it was not found.
        reason: Why there are no images; empty if there are some.
        row: Row of each image, by its id.
    """

    images: ImageSet | None
    reason: str = ""
    row: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        if (self.images is None) != bool(self.reason):
            raise ValueError("photographs need images, or the reason why there are none, and not both")
        ids = [] if self.images is None else self.images.table["image_id"].tolist()
        self.row = {image_id: index for index, image_id in enumerate(ids)}

    def of_run(self, record: RunRecord) -> Photographs:
        """Return the images that a run used, under the ids of the run: the dataset can have other ids now."""
        saved = None if self.images is None or self.images.digest_rule == 1 else saved_images(record)
        if saved is None or self.images is None:
            return self
        ids_of: dict[str, list[str]] = defaultdict(list)
        for ids, keys in saved.values():
            for image_id, key in zip(ids.tolist(), keys.tolist(), strict=True):
                ids_of[key].append(image_id)
        rows, image_ids = [], []
        for row, key in enumerate(self.images.image_keys.tolist()):
            if ids_of[key]:
                rows.append(row)
                image_ids.append(ids_of[key].pop(0))
        used = self.images.take(rows)
        return Photographs(replace(used, table=used.table.assign(image_id=image_ids), checked=True))

    def pixels(self, image_id: str) -> NDArray[np.uint8] | None:
        """Return an image upright and cropped to its box, ``None`` if it is missing or can't be read.

        Raises:
            PictureTooLargeError: The image needs more memory than the budget.
        """
        index = self.row.get(image_id)
        if self.images is None or index is None:
            return None
        try:
            return decode(self.images.image_path(index), self.images.table["bbox"].iloc[index])
        except PictureTooLargeError:
            raise  # an option reads it
        except ReidbenchError:
            return None  # one damaged file should not cost the page

    def of_identity(self, identity: str, among: Iterable[str], like: str) -> list[str]:
        """Return the image ids of one animal among those given; images with the orientation of ``like`` come first."""
        if self.images is None:
            return []
        table = self.images.table
        wanted = side_of(str(table["orientation"].iloc[self.row[like]])) if like in self.row else ""
        mine = [
            (side_of(str(table["orientation"].iloc[self.row[image_id]])) != wanted, image_id)
            for image_id in among
            if image_id in self.row and table["identity"].iloc[self.row[image_id]] == identity
        ]
        return [image_id for _, image_id in sorted(mine)]


def find_photographs(
    records: Sequence[RunRecord], sources: Sequence[str], root: Path | None = None
) -> dict[str, Photographs]:
    """Find the images of the dataset of each run, by the digest of the dataset.

    Args:
        records: The runs of a page.
        sources: Datasets whose images are shown, as for ``run --dataset``. Drawn animals need not be named; if they are
            not on disk, they are drawn again.
        root: Folder of the images, if a dataset needs one.

    Raises:
        ReidbenchError: A named dataset can't be read, or no run uses it.
    """
    digests = {run.data.dataset.digest: run.dataset for run in records}
    rules = [dict[str, Any](), *(run.data.dataset.reading_arguments() for run in records)]
    by_digest: dict[str, Photographs] = {}
    for source in sources:
        for index, rule in enumerate(rules):  # how the runs read their datasets
            if rule in rules[:index]:
                continue
            images = load_dataset(source, root, **rule)
            used = {run.data.dataset.digest: same_images(run, images) for run in records}
            shown = {digest: Photographs(each) for digest, each in used.items() if each is not None}
            if shown:
                break
        else:
            raise ReidbenchError(
                f"no run of this page uses '{images.name}' with these images",
                where=f"--images {source}",
                remedy="name the unchanged dataset of a run; the runs use "
                + ", ".join(f"{name} ({digest[:12]})" for digest, name in sorted(digests.items())),
            )
        by_digest |= shown
    for run in records:
        digest = run.data.dataset.digest
        if digest in by_digest:
            continue
        by_digest[digest] = _drawn(run) or Photographs(
            None, f"name the dataset with --images to show the photographs of {run.dataset}"
        )
    return by_digest


def without_photographs(records: Sequence[RunRecord]) -> dict[str, Photographs]:
    """Return for each dataset that photographs were left out."""
    return {run.data.dataset.digest: Photographs(None, "left out by --no-images") for run in records}


def thumbnail(pixels: NDArray[np.uint8], longest: int = LONGEST_SIDE) -> Thumbnail:
    """Return a picture with a longest side of at most ``longest`` pixels, as JPEG without metadata."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    coded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{coded}", *image.size)


def _drawn(run: RunRecord) -> Photographs | None:
    """Return the drawn animals if their digest is that of the run; ``None`` for a dataset that is not drawn."""
    name = run.dataset
    if name != BUILT_IN and not name.startswith(f"{BUILT_IN}:"):
        return None
    try:
        images = load_dataset(name)
    except ReidbenchError:
        return None
    used = same_images(run, images)
    if used is None:
        return Photographs(None, f"this version draws '{name}' with other images than the run had")
    return Photographs(used)
