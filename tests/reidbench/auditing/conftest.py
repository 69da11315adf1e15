"""Fixtures: datasets with planted copies, and photographs saved again in several ways."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reidbench.data.decoding import decode
from reidbench.data.images import ImageSet


def saved_again(pixels, rng):
    """Return a photograph re-encoded, at half the size, cropped by up to 6 % on each side, with other brightness."""
    image = Image.fromarray(pixels)
    width, height = image.size
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    left, top, right, bottom = rng.uniform(0, 0.06, 4)
    box = (int(left * width), int(top * height), width - int(right * width), height - int(bottom * height))
    lit = pixels * rng.uniform(0.7, 1.3) + rng.uniform(-25, 25)
    return {
        "re-encoded": np.asarray(Image.open(buffer)),
        "resized": np.asarray(image.resize((width // 2, height // 2), Image.Resampling.LANCZOS)),
        "cropped": np.asarray(image.crop(box)),
        "lit": np.clip(lit, 0, 255).astype(np.uint8),
    }


@pytest.fixture(scope="session")
def plant(tmp_path_factory):
    """Return ``plant(images, every)``: the images with one copy of each kind of every ``every``-th image."""

    def planted(images: ImageSet, every: int = 2, seed: int = 0) -> tuple[ImageSet, dict[str, list[tuple[int, int]]]]:
        folder = tmp_path_factory.mktemp("planted")
        rng = np.random.default_rng(seed)
        rows = images.table.assign(path=[str(images.image_path(row).resolve()) for row in range(len(images))])
        more, pairs = [], {}
        for source in range(0, len(images), every):
            kinds = saved_again(decode(images.image_path(source)), rng)
            for kind, pixels in kinds.items():
                row = rows.iloc[source].to_dict()
                path = folder / f"{source}-{kind}.png"
                Image.fromarray(pixels).save(path)
                pairs.setdefault(kind, []).append((source, len(rows) + len(more)))
                more.append({**row, "image_id": f"copy-{source}-{kind}", "path": str(path)})
        table = pd.concat([rows, pd.DataFrame(more)], ignore_index=True)
        return ImageSet("planted", folder, table), pairs

    return planted


def _exif_of(taken, sub_second=None):
    """Return metadata as a camera writes it, with the capture time."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"  # Make
    exif[0x8769] = {0x9003: taken} if sub_second is None else {0x9003: taken, 0x9291: sub_second}
    return exif


@pytest.fixture(scope="session")
def exif_of():
    """Return ``exif_of(taken, sub_second)``."""
    return _exif_of


@pytest.fixture
def album(tmp_path):
    """Return ``album(rows)``: a dataset of random blobs.

    A row is a dict with any of identity, date, path, size, bbox, content (bytes of the file), copy (number of the row
    to copy), taken (capture time) and sub_second.
    """

    def make(rows) -> ImageSet:
        drawn: dict[str, bytes] = {}
        table = []
        for number, row in enumerate(rows):
            path = row.get("path", f"{number}.png")
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if "content" in row:
                target.write_bytes(row["content"])
            elif "copy" in row:
                target.write_bytes(drawn[row["copy"]])
            else:
                rng = np.random.default_rng(row.get("look", number))
                coarse = rng.integers(0, 255, (6, 6, 3)).astype(np.uint8)
                blobs = Image.fromarray(coarse).resize(row.get("size", (96, 96)), Image.Resampling.BICUBIC)
                if "taken" in row:
                    blobs.save(target, "JPEG", exif=_exif_of(row["taken"], row.get("sub_second")))
                else:
                    blobs.save(target, "PNG")
            drawn[str(number)] = target.read_bytes()
            table.append(
                {
                    "image_id": f"i{number}", "identity": row.get("identity", f"a{number}"), "path": path,
                    "group": "cat", "date": row.get("date", ""), "orientation": "", "bbox": row.get("bbox"),
                }
            )  # fmt: skip
        return ImageSet("album", tmp_path, pd.DataFrame(table))

    return make
