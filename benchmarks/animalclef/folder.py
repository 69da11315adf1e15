"""Draw a folder as Kaggle unpacks it: ``metadata.csv``, ``sample_submission.csv`` and tiny images.

It has the quirks of the real one: species empty for the salamanders of the database, extensions in any case, dates
missing, identities empty for queries, rows sorted by dataset. Beside them stands ``solution.csv``, which a real folder
lacks. An animal is a texture of its own; its photographs are turned, shifted, lit and noisy views of it.
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
_DATABASE_DAYS = 3650  # queries that are later begin here
_TINTS = {"LynxID2025": (70, 110, 140), "SalamanderID2025": (40, 60, 60), "SeaTurtleID2022": (110, 110, 70)}


@dataclass(frozen=True, slots=True)
class Photograph:
    """One row to be."""

    group: Group
    identity: str
    animal: int  # number of the animal in its group
    query: bool
    known: bool
    day: int | None


def photographs(group: Group, random: np.random.Generator) -> Iterator[Photograph]:
    """Yield the photographs of one dataset, database first; an animal's come in encounters of one to four."""
    order = random.permutation(len(group.database))
    queried = {int(order[place]): count for place, count in enumerate(group.known)}
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
    """Take one view of an animal, ``(size, size, 3)``."""
    size = len(texture)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), random.normal(0, 12), random.uniform(0.85, 1.15))
    turn[:, 2] += random.normal(0, size / 25, 2)
    view = cv2.warpAffine(texture, turn, (size, size), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    view = view * random.uniform(0.8, 1.2) + random.normal(0, 12, view.shape)
    return np.clip(view, 0, 255).astype(np.uint8)


def make_folder(root: Path, groups: Sequence[Group], *, edition: int = 2025, size: int = 96, seed: int = 0) -> Path:
    """Draw the folder of an edition.

    Args:
        root: Where it is made; files that stand there are written over.
        groups: The datasets, in the order of their rows.
        edition: 2025, where queries are identified, or 2026, where the test images are clustered.
        size: Side of an image in pixels.
        seed: Seed of everything drawn.

    Returns:
        ``root``.
    """
    database, query = PART_NAMES[edition]
    rows: list[dict[str, object]] = []
    solution: list[dict[str, object]] = []
    for group in groups:
        random = np.random.default_rng([seed, 0, _number(group.name)])
        taken = list(photographs(group, random))
        textures: dict[int, NDArray[np.uint8]] = {}
        for place in random.permutation(len(taken)):
            each = taken[int(place)]
            image_id = len(rows)
            part = query if each.query else database
            path = f"images/{group.name}/{part}/{image_id:05d}{_EXTENSIONS[int(random.integers(3))]}"
            if each.animal not in textures:
                textures[each.animal] = draw_animal(group, each.animal, size, seed)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / path), photograph(textures[each.animal], random))
            without_species = group.name == "SalamanderID2025" and not each.query
            rows.append(
                {
                    "image_id": image_id,
                    "identity": "" if each.query else each.identity,
                    "path": path,
                    "date": "" if each.day is None else _FIRST_DAY + datetime.timedelta(each.day),
                    "orientation": "" if each.query and group.later else ("left", "right")[int(random.integers(2))],
                    "species": "" if without_species else group.species,
                    "split": part,
                    "dataset": group.name,
                }
            )
            if each.query:
                is_new = int(not each.known)
                solution.append(
                    {"image_id": image_id, "identity": each.identity, "is_new": is_new, "group": group.name}
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
