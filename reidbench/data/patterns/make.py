"""Make the built-in dataset: plan it, draw it in two processes, and keep it in the cache.

All random numbers come from ``SeedSequence([seed, stream, species, identity, image])``. An image therefore depends
neither on the number of processes nor on other animals. Its bytes also depend on OpenCV and its JPEG encoder:
:data:`PINNED_DIGEST` is the digest of the dataset that the published numbers were measured on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from enum import IntEnum
from pathlib import Path

import cv2
import numpy as np

from reidbench.csv_files import read_csv, write_csv
from reidbench.data.patterns.options import LEVELS, PatternsOptions
from reidbench.data.patterns.photograph import Encounter, draw_encounter, take_photograph
from reidbench.data.patterns.species import SPECIES, TWO_FLANKS, Animal
from reidbench.errors import ReidbenchError
from reidbench.files import cache_dir, explain_os_errors, touch, whole_folder, write_text
from reidbench.progress import Progress, RichProgress

RECIPE = "3"
"""Version of the drawing. Increase it with every change, so that older copies in the cache are not used."""

PINNED_VERSIONS = "opencv-python 5.0.0 and numpy 2.4 on x86-64 with AVX2"
PINNED_DIGEST = "c25d083fc54581063c89c4c38fe647fab5b447e1b85aa50cc95d52021ecdc10d"
"""Digest of the default dataset, drawn with :data:`PINNED_VERSIONS`."""

METADATA = "metadata.csv"
COLUMNS = ("image_id", "identity", "path", "date", "orientation", "species")
_DIGEST_FILE = "digest.json"
FLANKS = ("left", "right")
"""Orientations. The place in this order enters the random streams."""

_BOTH_FLANKS_FROM = 5  # animals with this many encounters or more show both flanks
_SMALL = 12  # for fewer identities, starting a process takes longer than it saves


class _Stream(IntEnum):
    ANIMAL = 0
    PLAN = 1
    ENCOUNTER = 2
    PHOTOGRAPH = 3
    PATTERN = 4


@dataclass(frozen=True, slots=True)
class _Shot:
    image_id: str
    identity: str
    path: str
    date: str
    orientation: str
    species: str
    number: int  # place of the image within its identity
    encounter: int  # place of the encounter within its identity


def _stream(seed: int, stream: _Stream, species: int, identity: int, image: int = 0) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, int(stream), species, identity, image]))


def _plan(options: PatternsOptions, number: int) -> list[_Shot]:
    """Plan the photographs of one individual: their number, days and sides.

    The number of photographs is lognormal, so a few animals have many and some have one. With four photographs or more,
    there are at least three days, so that a split by encounters has days to divide.

    The two flanks of an animal have different patterns, and a method can't recognise a flank that was never enrolled.
    For that reason most animals are seen from one side only. Animals with five days or more show the other flank on a
    quarter of them, at least two, so that a split can divide those days too. The column ``orientation`` has the side.
    """
    names = list(SPECIES)
    species, within = number % len(names), number // len(names)
    rng = _stream(options.seed, _Stream.PLAN, species, within)
    count = int(np.clip(np.round(rng.lognormal(np.log(4.9), 0.85)), 1, 18))
    sizes: list[int] = []
    while sum(sizes) < count:
        sizes.append(min(int(rng.choice([1, 2, 3], p=[0.45, 0.35, 0.20])), count - sum(sizes)))
    while count >= 4 and len(sizes) < 3:
        largest = sizes.index(max(sizes))
        sizes[largest : largest + 1] = [sizes[largest] - 1, 1]
    days = np.sort(rng.choice(3 * 365, size=len(sizes), replace=False))
    usual, n_day = int(rng.integers(2)), len(sizes)
    sides = np.full(n_day, usual)
    if n_day >= _BOTH_FLANKS_FROM:
        sides[rng.choice(n_day, size=max(2, n_day // 4), replace=False)] = 1 - usual
    identity = f"{names[species]}-{within:03d}"
    shots: list[_Shot] = []
    for encounter, (day, size) in enumerate(zip(days, sizes, strict=True)):
        orientation = FLANKS[sides[encounter]] if names[species] in TWO_FLANKS else ""
        taken = (date(2021, 1, 1) + timedelta(days=int(day))).isoformat()
        for _ in range(size):
            image_id = f"{identity}-{len(shots):02d}"
            path = f"images/{names[species]}/{image_id}.jpg"
            shots.append(_Shot(image_id, identity, path, taken, orientation, names[species], len(shots), encounter))
    return shots


def draw_animal(seed: int, species: int, within: int, flank: int) -> Animal:
    """Draw one side of an individual.

    Args:
        seed: Seed of the dataset.
        species: Place of the species in ``SPECIES``.
        within: Place of the individual within its species.
        flank: 0 for left and for a species without flanks, 1 for right; both face left.

    Returns:
        The canonical view. Both flanks have the same outline and colours, and independent patterns.
    """
    shared = _stream(seed, _Stream.ANIMAL, species, within)
    own = _stream(seed, _Stream.PATTERN, species, within, flank)
    return list(SPECIES.values())[species](shared, own)


def _draw_identity(options: PatternsOptions, number: int, root: str) -> int:
    """Draw and write every photograph of one individual, in any process; return their number."""
    cv2.setNumThreads(1)
    level = LEVELS[options.level]
    species, within = number % len(SPECIES), number // len(SPECIES)
    name = list(SPECIES)[species]
    shots = _plan(options, number)
    animals: dict[int, Animal] = {}
    encounters: dict[int, Encounter] = {}
    for shot in shots:
        if shot.encounter not in encounters:
            rng = _stream(options.seed, _Stream.ENCOUNTER, species, within, shot.encounter)
            encounters[shot.encounter] = draw_encounter(rng, name, level)
        rng = _stream(options.seed, _Stream.PHOTOGRAPH, species, within, shot.number)
        flank = FLANKS.index(shot.orientation) if shot.orientation else 0
        if flank not in animals:
            animals[flank] = draw_animal(options.seed, species, within, flank)
        encounter = encounters[shot.encounter]
        encoded = take_photograph(animals[flank], encounter, rng, name, level, options.size, mirror=flank == 1)
        (Path(root) / shot.path).write_bytes(encoded)
    return len(shots)


def draw_dataset(
    options: PatternsOptions, root_dir: Path, progress: Progress | None = None, *, workers: int | None = None
) -> None:
    """Draw the dataset into a folder: ``images/<species>/*.jpg``, ``metadata.csv`` and a digest file.

    Args:
        options: Options of the dataset.
        root_dir: An empty or new folder.
        progress: Shows the progress; it advances with every finished individual.
        workers: Number of processes; by default two, or one for a small dataset or a single core. The bytes do not
            depend on it.
    """
    progress = progress or Progress()
    if workers is None:
        workers = 1 if options.identities < _SMALL or not _can_spawn() else min(2, os.cpu_count() or 1)
    plans = [_plan(options, number) for number in range(options.identities)]
    for species in SPECIES:
        (root_dir / "images" / species).mkdir(parents=True, exist_ok=True)
    with progress.stage("drawing animals", sum(map(len, plans))) as stage:
        for drawn in _draw_all(options, str(root_dir), workers):
            stage.advance(drawn)
    shots = sorted((shot for plan in plans for shot in plan), key=lambda shot: shot.path)
    write_csv(root_dir / METADATA, COLUMNS, [astuple(shot)[: len(COLUMNS)] for shot in shots])
    record = {"dataset": options.name, "recipe": RECIPE, "sha256": content_digest(root_dir)}
    write_text(root_dir / _DIGEST_FILE, json.dumps(record, indent=2) + "\n")


def _can_spawn() -> bool:
    # A spawned process imports the main module again, which is impossible for a script from stdin.
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return main is None or Path(main).exists()


def _draw_all(options: PatternsOptions, root: str, workers: int) -> Iterator[int]:
    left = set(range(options.identities))
    if workers > 1:
        # Processes are spawned, not forked, because threads of torch may be running in this process.
        context = multiprocessing.get_context("spawn")
        # Spawning fails in a script without a `__main__` guard; this process then draws the rest.
        with (
            contextlib.suppress(BrokenProcessPool),
            ProcessPoolExecutor(workers, mp_context=context) as pool,
        ):
            jobs = {pool.submit(_draw_identity, options, number, root): number for number in sorted(left)}
            for job in as_completed(jobs):
                drawn = job.result()
                left.discard(jobs[job])
                yield drawn
    threads = cv2.getNumThreads()
    try:
        for number in sorted(left):
            yield _draw_identity(options, number, root)
    finally:
        cv2.setNumThreads(threads)


def content_digest(root: Path) -> str:
    """Return the SHA-256 over path and bytes of the table and every image in it, in order of path.

    Raises:
        FileNotFoundError: An image is missing.
        ReidbenchError: The table can't be read.
    """
    total = hashlib.sha256()
    for name in sorted({METADATA, *read_csv(root / METADATA).column("path")}):
        content = (root / name).read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def ensure(options: PatternsOptions, progress: Progress | None = None) -> Path:
    """Return the path of the dataset's ``metadata.csv`` in the cache; draw the dataset if it is not there.

    The images are in the same folder. The folder appears by one rename, so a killed run leaves no half dataset. If two
    processes draw the dataset at once, both use the copy that was finished first. A damaged copy is drawn again.

    Raises:
        ReidbenchError: The cache can't be written.
    """
    slug = "-".join(str(value) for value in astuple(options))
    root = cache_dir() / "patterns" / f"{slug}-r{RECIPE}"
    explained = explain_os_errors(
        "the drawn animals can't be kept in the cache",
        where=str(root),
        remedy="make room, or name another folder: REIDBENCH_CACHE=DIR reidbench …",
    )
    with explained:
        if is_whole(root):
            with contextlib.suppress(OSError):  # the time of the last use, for `reidbench cache ls`
                touch(root / _DIGEST_FILE)
            return root / METADATA
        if root.is_dir():
            (progress or RichProgress()).warn(f"drawn animals in the cache are damaged and are drawn again: {root}")
        with whole_folder(root, keep=is_whole) as temporary:
            draw_dataset(options, temporary, progress)
    return root / METADATA


def is_whole(root: Path) -> bool:
    """Tell whether a folder has the images and the table that its digest file was written for.

    Raises:
        OSError: A file can't be read, for a reason that proves no damage.
    """
    try:
        record = json.loads((root / _DIGEST_FILE).read_text(encoding="utf-8"))
        return bool(record["sha256"] == content_digest(root))
    except (FileNotFoundError, NotADirectoryError, ReidbenchError, ValueError, TypeError, KeyError):
        return False


def digest_note(root: Path) -> str:
    """Return a warning if the default dataset in ``root`` differs from the pinned one.

    Returns:
        The warning; empty if the bytes are equal, or if ``root`` has other options, whose digests are not pinned.
    """
    record = json.loads((root / _DIGEST_FILE).read_text(encoding="utf-8"))
    if record["dataset"] != PatternsOptions().name:
        return ""
    found = record["sha256"]  # `ensure` has compared it with the images
    if found == PINNED_DIGEST:
        return ""
    return (
        f"the drawings of '{record['dataset']}' on this machine are not exactly those of the published scores "
        f"(digest {found[:12]} instead of {PINNED_DIGEST[:12]}, drawn with {PINNED_VERSIONS}), so your scores may "
        "differ from the published ones"
    )
