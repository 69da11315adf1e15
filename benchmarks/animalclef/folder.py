"""Draw a folder like the unpacked archive from Kaggle: ``metadata.csv``, ``sample_submission.csv`` and tiny images.

It has the peculiarities of the real folder: no species for the salamanders of the database, file extensions in upper
and lower case, missing dates, no identities for queries, rows sorted by dataset. In addition it has ``solution.csv``
with the true identities. Each animal has a random texture; its photographs are rotated, shifted, noisy views of it with
different brightness.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.animalclef.counts import Group
from reidbench.csv_files import write_csv

METADATA = ("image_id", "identity", "path", "date", "orientation", "species", "split", "dataset")
PART_NAMES = {2025: ("database", "query"), 2026: ("train", "test")}
_EXTENSIONS = (".jpg", ".JPG", ".jpeg")
_FIRST_DAY = datetime.date(2010, 1, 1)
_DATABASE_DAYS = 3650  # later queries start after this number of days
_TINTS = {"LynxID2025": (70, 110, 140), "SalamanderID2025": (40, 60, 60), "SeaTurtleID2022": (110, 110, 70)}


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph to draw, which becomes one row."""

    group: Group
    identity: str
    animal: int  # number of the animal in its group
    query: bool
    known: bool
    day: int | None


def photographs(group: Group, random: np.random.Generator) -> Iterator[Photograph]:
    """Yield the photographs of one dataset, database first; an encounter has one to four photographs of an animal."""
    order = random.permutation(len(group.database))
    queried = {int(order[number]): count for number, count in enumerate(group.known)}
    counts = [(animal, False, count) for animal, count in enumerate(group.database)]
    counts += [(animal, True, count) for animal, count in sorted(queried.items())]
    counts += [(len(group.database) + number, True, count) for number, count in enumerate(group.new)]
    prefix = f"{group.name}_{group.species.split()[-1]}"
    for animal, query, count in counts:
        start = _DATABASE_DAYS if query and group.later else 0
        left = 0
        for _ in range(count):
            if left == 0:
                left = int(random.integers(1, 5))
                day = start + int(random.integers(0, 700 if query else _DATABASE_DAYS))
            left -= 1
            dated = random.random() < group.dated
            yield Photograph(
                group, f"{prefix}_{animal}", animal, query, animal < len(group.database), day if dated else None
            )


def draw_animal(group: Group, animal: int, size: int, seed: int) -> NDArray[np.uint8]:
    """Draw the texture of one animal, ``(size, size, 3)``."""
    random = np.random.default_rng([seed, 1, _number(group.name), animal])
    blotches = cv2.resize(random.random((9, 9), dtype=np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    spots = cv2.resize(random.random((20, 20), dtype=np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    light = np.clip(0.35 + 0.9 * (blotches > 0.55) - 0.5 * (spots > 0.7), 0.1, 1.6)[..., None]
    tint = np.array(_TINTS.get(group.name, (90, 90, 90)), dtype=np.float32) + random.integers(-18, 19, 3)
    return np.clip(tint * light, 0, 255).astype(np.uint8)


def photograph(texture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one photograph of an animal, ``(size, size, 3)``."""
    size = len(texture)
    transform = cv2.getRotationMatrix2D((size / 2, size / 2), random.normal(0, 12), random.uniform(0.85, 1.15))
    transform[:, 2] += random.normal(0, size / 25, 2)
    view = cv2.warpAffine(texture, transform, (size, size), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    view = view * random.uniform(0.8, 1.2) + random.normal(0, 12, view.shape)
    return np.clip(view, 0, 255).astype(np.uint8)


def make_folder(root: Path, groups: Sequence[Group], *, edition: int = 2025, size: int = 96, seed: int = 0) -> Path:
    """Draw the folder of an edition.

    Args:
        root: The folder; existing files are overwritten.
        groups: The datasets, in the order of their rows.
        edition: 2025, which asks for identities, or 2026, which asks for clusters.
        size: Side of an image in pixels.
        seed: Seed of the drawings.

    Returns:
        ``root``.
    """
    database, query = PART_NAMES[edition]
    rows: list[dict[str, object]] = []
    solution: list[dict[str, object]] = []
    for group in groups:
        random = np.random.default_rng([seed, 0, _number(group.name)])
        planned = list(photographs(group, random))
        textures: dict[int, NDArray[np.uint8]] = {}
        for index in random.permutation(len(planned)):
            photo = planned[int(index)]
            image_id = len(rows)
            part = query if photo.query else database
            path = f"images/{group.name}/{part}/{image_id:05d}{_EXTENSIONS[int(random.integers(3))]}"
            if photo.animal not in textures:
                textures[photo.animal] = draw_animal(group, photo.animal, size, seed)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / path), photograph(textures[photo.animal], random))
            without_species = group.name == "SalamanderID2025" and not photo.query
            rows.append(
                {
                    "image_id": image_id,
                    "identity": "" if photo.query else photo.identity,
                    "path": path,
                    "date": "" if photo.day is None else _FIRST_DAY + datetime.timedelta(photo.day),
                    "orientation": "" if photo.query and group.later else ("left", "right")[int(random.integers(2))],
                    "species": "" if without_species else group.species,
                    "split": part,
                    "dataset": group.name,
                }
            )
            if photo.query:
                is_new = int(not photo.known)
                solution.append(
                    {"image_id": image_id, "identity": photo.identity, "is_new": is_new, "group": group.name}
                )
    _write(root / "metadata.csv", METADATA, rows)
    column = "identity" if edition == 2025 else "cluster"
    sample = [
        {"image_id": row["image_id"], column: "new_individual" if edition == 2025 else f"cluster_{row['group']}_0"}
        for row in solution
    ]
    _write(root / "sample_submission.csv", ("image_id", column), sample)
    _write(root / "solution.csv", ("image_id", "identity", "is_new", "group"), solution)
    return root


def _write(path: Path, columns: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    write_csv(path, columns, [[row[column] for column in columns] for row in rows])


def _number(name: str) -> int:
    return int.from_bytes(name.encode()[:8], "little")
