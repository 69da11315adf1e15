"""Which images are enrolled, which choose the threshold, and which judge.

Three facts hold for every split made here. Images of one *encounter* (one identity, one day) never stand on
two sides. The unknown animals of calibration and of test are different animals, and neither is enrolled
or learnt from. The same images, kind and seed give the same split on every machine.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from reidbench.data.images import ImageSet
from reidbench.errors import ReidbenchError, did_you_mean

PARTS: Final = ("gallery", "fit", "calibration", "test", "unused")
KINDS: Final = ("open-set", "closed-set", "disjoint")

_QUERIES: Final = ("calibration", "test")
Item = TypeVar("Item")
_DEALT: Final = 4  # after the first encounter: calibration, test, gallery, gallery, and again

_Item = TypeVar("_Item")
_Encounters = list[list[int]]  # rows of each encounter of one identity, in the order they are dealt


@dataclass(frozen=True)
class Split:
    """The part of every image, sorted by ``image_id``.

    Args:
        image_ids: Ids, without repeats; sorted here, so that row order never matters.
        parts: One of :data:`PARTS` for each.
        kind: ``open-set``, ``closed-set``, ``disjoint``, or ``file`` for a split that was read.
        seed: Seed it was made with, ``None`` for a split that was read.
        warnings: What a reader of results should know, such as an encounter on both sides.
    """

    image_ids: tuple[str, ...]
    parts: tuple[str, ...]
    kind: str
    seed: int | None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.image_ids) != len(self.parts):
            raise ValueError(f"{len(self.image_ids)} images have {len(self.parts)} parts")
        if len(set(self.image_ids)) != len(self.image_ids):
            raise ValueError("an image_id stands in the split twice")
        unknown = sorted(set(self.parts) - set(PARTS))
        if unknown:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}")
        order = sorted(range(len(self.image_ids)), key=lambda index: self.image_ids[index])
        object.__setattr__(self, "image_ids", tuple(self.image_ids[index] for index in order))
        object.__setattr__(self, "parts", tuple(self.parts[index] for index in order))

    @property
    def digest(self) -> str:
        """SHA-256 over the lines ``image_id,part``, sorted; how the split was made plays no role."""
        lines = "".join(f"{image_id},{part}\n" for image_id, part in zip(self.image_ids, self.parts, strict=True))
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Number of images in each part, every part named."""
        found = Counter(self.parts)
        return {part: found[part] for part in PARTS}

    def indices(self, part: str, images: ImageSet) -> NDArray[np.int64]:
        """Return the rows of ``images`` that stand in ``part``, in the order of ``images``.

        Raises:
            ReidbenchError: The split is of other images.
        """
        if part not in PARTS:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {part}")
        where = dict(zip(self.image_ids, self.parts, strict=True))
        image_ids = images.table["image_id"]
        strange = [image_id for image_id in image_ids if image_id not in where]
        if strange or len(where) != len(images):
            example = strange[0] if strange else min(set(where) - set(image_ids))
            raise ReidbenchError(
                f"the split is not of '{images.name}': '{example}' stands in only one of the two",
                remedy="make a split of this dataset: reidbench split DATASET -o split.csv",
            )
        return np.flatnonzero([where[image_id] == part for image_id in image_ids]).astype(np.int64)


def make_split(images: ImageSet, *, kind: str = "open-set", seed: int = 0, new_share: float = 0.3) -> Split:
    """Split a dataset, each group for itself.

    Of a known animal the first encounter drawn is enrolled, the next are dealt to calibration, test, gallery,
    gallery, and so on: a third each for animals seen three or four times, half of the images enrolled for
    animals seen often. Unknown animals are drawn among all identities alike, those with one image too.
    Each brings about half of its images, the rest is ``unused``: more animals with fewer images each, because
    balanced accuracy counts animals.

    Args:
        images: What to split.
        kind: ``open-set``; ``closed-set``, without unknown animals; ``disjoint``, where half of the identities
            are only learnt from (``fit``) and the other half is an open-set split.
        seed: Seed of the split.
        new_share: Share of the queries of calibration, and of those of test, that show unknown animals, 0 to 1,
            kept within each group as nearly as whole identities allow. A closed-set split takes none.

    Returns:
        A split with queries of known animals in calibration and test and, unless it is closed-set, of unknown.
        A group that is too small for all four may lack some.

    Raises:
        ReidbenchError: The whole dataset is too small; says which part is short of what.

    Example:
        >>> make_split(images, seed=1).counts["test"]  # doctest: +SKIP
        84
    """
    if kind not in KINDS:
        guess = did_you_mean(kind, KINDS)
        raise ReidbenchError(
            f"there is no kind of split '{kind}'",
            where=f"--kind {kind}",
            remedy=f"{guess} " * bool(guess) + "kinds: " + ", ".join(KINDS),
        )
    if not 0 <= new_share < 1:
        raise ReidbenchError(
            f"a share of new animals of {new_share} leaves no query of a known one",
            where=f"--new-share {new_share}",
            remedy="give a number from 0 to below 1; 0.3 is the default",
        )
    if seed < 0:
        raise ReidbenchError(f"a seed of {seed} is negative", where=f"seed {seed}", remedy="give 0 or more")
    share = 0.0 if kind == "closed-set" else new_share
    parts = np.full(len(images), "unused", dtype=object)
    by_group: dict[str, list[int]] = defaultdict(list)
    image_ids = images.table["image_id"].tolist()
    for row in sorted(range(len(images)), key=lambda index: image_ids[index]):
        by_group[images.table["group"].iloc[row]].append(row)
    encounters = images.encounters
    for group in sorted(by_group):
        shuffle = _Shuffle(seed, group)
        animals = _animals(images, encounters, by_group[group], shuffle)
        names = shuffle(sorted(animals), "identities")
        if kind == "disjoint":
            learnt, names = names[: len(names) // 2], names[len(names) // 2 :]
            for name in learnt:
                parts[_flat(animals[name])] = "fit"
        _deal([animals[name] for name in names], parts, share)
    split = Split(tuple(image_ids), tuple(parts.tolist()), kind, seed)
    _check_complete(split, images, needs_unknown=share > 0)
    return split


def read_split(path: Path, images: ImageSet) -> Split:
    """Read ``image_id,part``; images that the file does not name are ``unused``.

    Returns:
        The split; its ``warnings`` tell of encounters on two sides, of an unknown animal that is
        in both calibration and test or is learnt from, and of images that the file does not name.

    Raises:
        ReidbenchError: An id twice, an id or a part that does not exist, an empty part; names file and row.
    """
    where: dict[str, str] = {}
    known = set(images.table["image_id"])
    for row, image_id, part in _read_rows(path):
        if image_id in where:
            raise ReidbenchError(
                f"image_id '{image_id}' stands in the split twice", where=f"{path}, row {row}", remedy="keep one row"
            )
        if part not in PARTS:
            guess = did_you_mean(part, PARTS)
            raise ReidbenchError(
                f"'{part}' is no part of a split",
                where=f"{path}, row {row}",
                remedy=f"{guess} " * bool(guess) + "parts: " + ", ".join(PARTS),
            )
        if image_id not in known:
            guess = did_you_mean(image_id, known)
            raise ReidbenchError(
                f"'{images.name}' has no image '{image_id}'",
                where=f"{path}, row {row}",
                remedy=f"{guess} " * bool(guess) + "take the row out, or name the dataset that the split was made of",
            )
        where[image_id] = part
    image_ids = tuple(images.table["image_id"])
    parts = tuple(where.get(image_id, "unused") for image_id in image_ids)
    for part in ("gallery", *_QUERIES):
        if part not in parts:
            raise ReidbenchError(
                f"the split has no image in '{part}'", where=str(path), remedy=f"mark some rows as {part}"
            )
    unnamed = len(image_ids) - len(where)
    warnings = [f"{unnamed} images are not in {path.name} and count as unused"] if unnamed else []
    warnings += _leaks(np.array(parts, dtype=object), images)
    return Split(image_ids, parts, "file", None, tuple(warnings))


def write_split(split: Split, path: Path) -> None:
    """Write ``image_id,part``, sorted by id; the file appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("image_id", "part"))
            writer.writerows(zip(split.image_ids, split.parts, strict=True))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ReidbenchError(
            f"the split cannot be written: {error}", where=str(path), remedy="choose a folder you may write to"
        ) from error


class _Shuffle:
    """Orders that depend on seed, group and purpose alone.

    Only the raw stream of PCG64 is used: numpy promises that it never changes, and promises nothing of the kind
    for ``Generator.permutation``. Names enter through SHA-256, as ``hash()`` differs from process to process.
    """

    def __init__(self, seed: int, group: str) -> None:
        self._seed, self._group = seed, group

    def __call__(self, items: list[Item], purpose: str) -> list[Item]:
        name = hashlib.sha256(f"{self._group}\x00{purpose}".encode()).digest()
        words = [int.from_bytes(name[start : start + 4], "little") for start in range(0, 32, 4)]
        keys = np.random.PCG64(np.random.SeedSequence([self._seed, *words])).random_raw(len(items))
        return [items[index] for index in np.argsort(keys, kind="stable")]


def _animals(
    images: ImageSet, encounters: NDArray[np.object_], rows: Iterable[int], shuffle: _Shuffle
) -> dict[str, _Encounters]:
    """Gather the encounters of each identity of a group and shuffle them."""
    gathered: dict[str, dict[object, list[int]]] = defaultdict(dict)
    identity = images.table["identity"].tolist()
    for row in rows:
        gathered[identity[row]].setdefault(encounters[row], []).append(row)
    return {name: shuffle(list(found.values()), f"encounters of {name}") for name, found in gathered.items()}


def _flat(encounters: _Encounters) -> list[int]:
    return [row for encounter in encounters for row in encounter]


def _deal(animals: list[_Encounters], parts: NDArray[np.object_], share: float) -> None:
    """Give every image of a group its part; ``animals`` stand in random order."""
    unknown = _choose_unknown(animals, share)
    chosen = {index for part in _QUERIES for index in unknown[part]}
    queries = dict.fromkeys(_QUERIES, 0)
    for index, encounters in enumerate(animals):
        if index in chosen:
            continue
        parts[encounters[0]] = "gallery"
        first, second = sorted(_QUERIES, key=lambda part: queries[part])
        for position, encounter in enumerate(encounters[1:]):
            part = (first, second, "gallery", "gallery")[position % _DEALT]
            parts[encounter] = part
            if part in queries:
                queries[part] += len(encounter)
    for part in _QUERIES:
        wanted = round(queries[part] * share / (1 - share))
        brought = [_flat(animals[index]) for index in unknown[part]]
        # One image of each animal, then a second of each, and so on, as far as the share asks for.
        turns = sorted((turn, owner, row) for owner, rows in enumerate(brought) for turn, row in enumerate(rows))
        for _, _, row in turns[: max(wanted, len(brought))]:
            parts[row] = part


def _choose_unknown(animals: list[_Encounters], share: float) -> dict[str, list[int]]:
    """Choose the animals that are never enrolled: the first of the random order, until they are enough.

    Enough is when half of their images make up ``share`` of the queries that the other animals will give. Two
    encounters of known animals are always left to ask about, one for each part.
    """
    unknown: dict[str, list[int]] = {part: [] for part in _QUERIES}
    asked = [[rows for position, rows in enumerate(found[1:]) if position % _DEALT < 2] for found in animals]
    n_encounters = sum(len(found) for found in asked)
    n_known = sum(len(rows) for found in asked for rows in found)
    brought = dict.fromkeys(_QUERIES, 0)
    for index, encounters in enumerate(animals):
        wanted = share / (1 - share) * n_known / 2
        if share == 0 or all(unknown[part] and brought[part] >= wanted for part in _QUERIES):
            break
        if n_encounters - len(asked[index]) < 2:
            continue
        part = min(_QUERIES, key=lambda part: (len(unknown[part]) > 0, brought[part]))
        unknown[part].append(index)
        brought[part] += (sum(len(rows) for rows in encounters) + 1) // 2
        n_encounters -= len(asked[index])
        n_known -= sum(len(rows) for rows in asked[index])
    return unknown


def _check_complete(split: Split, images: ImageSet, *, needs_unknown: bool) -> None:
    identity = images.table["identity"].to_numpy(dtype=object)
    rows = {part: split.indices(part, images) for part in PARTS}
    enrolled = set(identity[rows["gallery"]])
    short = [f"{part} has no image" for part in ("gallery", "fit") if not len(rows[part])]
    if split.kind != "disjoint":
        short = [line for line in short if not line.startswith("fit")]
    for part in _QUERIES:
        known = sum(name in enrolled for name in identity[rows[part]])
        if not known:
            short.append(f"{part} has no query of a known animal")
        if needs_unknown and known == len(rows[part]):
            short.append(f"{part} has no query of an unknown animal")
    if short:
        seen = Counter(encounter[0] for encounter in set(images.encounters))
        again = sum(count > 1 for count in seen.values())
        raise ReidbenchError(
            f"'{images.name}' is too small for a split ({split.kind}): {'; '.join(short)}",
            where=images.origin.file,
            remedy=(
                f"it has {len(seen)} identities, {again} of them seen more than once (images of one day count once); "
                "add images of animals seen again, or write the split yourself and give it with --split"
            ),
        )


def _leaks(parts: NDArray[np.object_], images: ImageSet) -> list[str]:
    """Say what makes the numbers of a split look better than they are."""
    sides: dict[tuple[str, ...], set[str]] = defaultdict(set)
    of_identity: dict[str, set[str]] = defaultdict(set)
    for encounter, part in zip(images.encounters, parts, strict=True):
        if part != "unused":
            sides[encounter].add("gallery" if part == "fit" else part)
            of_identity[encounter[0]].add(part)
    torn = sorted((encounter[0], encounter[1], sorted(found)) for encounter, found in sides.items() if len(found) > 1)
    warnings = []
    if torn:
        name, date, found = torn[0]
        warnings.append(
            f"{len(torn)} encounters (one animal, one day) stand on two sides, such as '{name}' on {date} in "
            f"{' and '.join(found)}: scores will look better than they are"
        )
    shared = sorted(name for name, found in of_identity.items() if "gallery" not in found and found >= set(_QUERIES))
    if shared:
        warnings.append(f"{len(shared)} unknown identities are in calibration and in test, such as '{shared[0]}'")
    learnt = sorted(
        name for name, found in of_identity.items() if "gallery" not in found and "fit" in found and len(found) > 1
    )
    if learnt:
        warnings.append(f"{len(learnt)} unknown identities are learnt from in fit, such as '{learnt[0]}'")
    return warnings


def _read_rows(path: Path) -> Iterator[tuple[int, str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [cell.strip() for cell in next(reader, [])]
            missing = [column for column in ("image_id", "part") if column not in header]
            if missing:
                raise ReidbenchError(
                    f"the split has no column {' and no column '.join(missing)}; its columns: {', '.join(header)}",
                    where=f"{path}, row 1",
                    remedy="write a CSV with the columns image_id,part: reidbench split DATASET -o split.csv",
                )
            id_at, part_at = header.index("image_id"), header.index("part")
            for record in reader:
                if not any(cell.strip() for cell in record):
                    continue
                if len(record) != len(header):
                    raise ReidbenchError(
                        f"the row has {len(record)} cells, the header {len(header)}",
                        where=f"{path}, row {reader.line_num}",
                        remedy="put quotation marks around a cell that contains a comma",
                    )
                yield reader.line_num, record[id_at].strip(), record[part_at].strip()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReidbenchError(
            f"the split cannot be read: {error}", where=str(path), remedy="name a CSV with the columns image_id,part"
        ) from error
