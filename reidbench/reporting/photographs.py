"""The photographs of a run, found again for a page, and made small enough to stand in it.

Runs are moved and published, so a page opens no place that it was not told of. Whoever wants pictures names the dataset
as ``run --dataset`` takes it; its digest has to be the run's, so that no page shows other animals than were judged.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reidbench.constants import BUILT_IN
from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError
from reidbench.records.run_record import RunRecord
from reidbench.registry.datasets import load_dataset

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
    """The images of one dataset, or why there are none.

    Attributes:
        images: The image set, ``None`` where it was not found.
        reason: Why there are no images; empty where there are.
        row: Row of each image id.
    """

    images: ImageSet | None
    reason: str = ""
    row: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        if (self.images is None) != bool(self.reason):
            raise ValueError("photographs are there, or there is a reason why not")
        ids = [] if self.images is None else self.images.table["image_id"].tolist()
        self.row = {image_id: index for index, image_id in enumerate(ids)}

    def pixels(self, image_id: str) -> NDArray[np.uint8] | None:
        """Return an image upright and cropped to its box, ``None`` where it is not there or can't be read."""
        index = self.row.get(image_id)
        if self.images is None or index is None:
            return None
        try:
            return decode(self.images.image_path(index), self.images.table["bbox"].iloc[index])
        except ReidbenchError:
            return None  # one damaged file should not cost the page

    def of_identity(self, identity: str, among: Iterable[str], like: str) -> list[str]:
        """Return the image ids of one animal among those given, those of the same orientation as ``like`` first."""
        if self.images is None:
            return []
        table = self.images.table
        wanted = str(table["orientation"].iloc[self.row[like]]) if like in self.row else ""
        mine = [
            (str(table["orientation"].iloc[self.row[image_id]]) != wanted, image_id)
            for image_id in among
            if image_id in self.row and table["identity"].iloc[self.row[image_id]] == identity
        ]
        return [image_id for _, image_id in sorted(mine)]


def find_photographs(
    records: Sequence[RunRecord], sources: Sequence[str], root: Path | None = None
) -> dict[str, Photographs]:
    """Find the images of every dataset that runs stand on, by the digest of the dataset.

    Args:
        records: The runs of a page.
        sources: Datasets whose images are to be shown, as ``run --dataset`` takes them. Drawn animals need not be
            named: they are made again where they are not on disk.
        root: Folder of the images, where a dataset needs one.

    Raises:
        ReidbenchError: A dataset that was named can't be read, or no run stands on it.
    """
    digests = {run.data.dataset.digest: run.dataset for run in records}
    found: dict[str, Photographs] = {}
    for source in sources:
        images = load_dataset(source, root)
        if images.digest not in digests:
            raise ReidbenchError(
                f"no run of this page stands on '{images.name}' as it is at this place",
                where=f"--images {source}",
                remedy="name the dataset that was run, unchanged; the runs stand on "
                + ", ".join(f"{name} ({digest[:12]})" for digest, name in sorted(digests.items())),
            )
        found[images.digest] = Photographs(images)
    for digest, name in digests.items():
        if digest in found:
            continue
        found[digest] = _drawn(name, digest) or Photographs(
            None, f"photographs are not looked for unasked; name the dataset with --images to see those of {name}"
        )
    return found


def without_photographs(records: Sequence[RunRecord]) -> dict[str, Photographs]:
    """Return, for every dataset, that no images were asked for."""
    return {run.data.dataset.digest: Photographs(None, "left out by --no-images") for run in records}


def thumbnail(pixels: NDArray[np.uint8], longest: int = LONGEST_SIDE) -> Thumbnail:
    """Return a picture whose longest side is ``longest`` pixels at most, as JPEG without metadata."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    coded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{coded}", *image.size)


def _drawn(name: str, digest: str) -> Photographs | None:
    """Return the drawn animals of that name if they are those of the run; ``None`` for any other dataset."""
    if name != BUILT_IN and not name.startswith(f"{BUILT_IN}:"):
        return None
    try:
        images = load_dataset(name)
    except ReidbenchError:
        return None
    if images.digest != digest:
        return Photographs(None, f"'{name}' as this version draws it has other images than the run had")
    return Photographs(images)
