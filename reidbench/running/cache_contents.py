"""List what the cache holds, check it, and remove entries of it.

An entry is what one method has computed (features, and the model of a training) or one drawn dataset. Only folders with
the names that reidbench gives are entries; other files in the cache are neither listed nor removed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.files import cache_dir, explain_os_errors, remove_folder
from reidbench.running.block_digests import DamagedError, without_digest
from reidbench.running.fitted_models import check_fitted
from reidbench.running.representation_store import ABOUT
from reidbench.running.shards import GoneError, Shard

UNKNOWN = "unknown"
"""Method of a store that an earlier version wrote; the next run that uses the store notes it."""
_KEY = re.compile(r"[0-9a-f]{64}")
_DRAWN = re.compile(r".+-r\d+")
_FEATURES, _MODEL, _TRAINING = "features", "model", "unfinished training"


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What the cache holds of one method with its settings and weights, or a drawn dataset.

    Attributes:
        name: Name of the method, :data:`UNKNOWN`, or the name of the drawn dataset.
        version: Version of the method; empty if unknown, and for a dataset.
        holds: What it holds: ``features``, ``model``, ``unfinished training`` or ``drawings``.
        key: Name of its folders.
        folders: Its folders.
        size: Size in bytes.
        created: Time of its oldest file, in seconds since 1970.
        used: Time of the last use.
    """

    name: str
    version: str
    holds: tuple[str, ...]
    key: str
    folders: tuple[Path, ...]
    size: int
    created: float
    used: float

    def remove(self) -> None:
        """Remove its folders.

        Raises:
            ReidbenchError: A folder can't be removed.
        """
        for folder in self.folders:
            with explain_os_errors(
                "this can't be removed", where=str(folder), remedy="check who owns the folder, then try again"
            ):
                remove_folder(folder)


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of checking one entry.

    Attributes:
        n_checked: Number of shards, notes, models and datasets with digests that were checked.
        without_digests: Those that an earlier version wrote; the next run that reads them adds digests.
        damaged: What is damaged, in words.
    """

    n_checked: int
    without_digests: tuple[Path, ...]
    damaged: tuple[str, ...]


def list_cache(root: Path | None = None) -> list[CacheEntry]:
    """Return the entries of the cache, the most recently used first."""
    root = root or cache_dir()
    folders: dict[str, list[tuple[str, Path]]] = {}
    for holds, pattern in ((_FEATURES, "representations/*/*"), (_MODEL, "fitted/*/*"), (_TRAINING, "work/*")):
        for folder in _own_folders(root, pattern):
            if _KEY.fullmatch(folder.name):
                folders.setdefault(folder.name, []).append((holds, folder))
    entries = [_entry(key, parts) for key, parts in folders.items()]
    drawn = (folder for folder in _own_folders(root, "patterns/*") if _DRAWN.fullmatch(folder.name))
    entries += [_entry(folder.name, [("drawings", folder)]) for folder in drawn]
    return sorted(entries, key=lambda entry: (-entry.used, entry.key))


def check_entry(entry: CacheEntry) -> Checked:
    """Read everything in an entry and compare it with its digests; nothing is changed.

    Raises:
        ReidbenchError: A file can't be read, for a reason that proves no damage.
    """
    n_checked, without, damaged = 0, [], []
    for path, check in _checks(entry):
        with explain_os_errors("the cache can't be read", where=str(path), remedy="check the rights of the folder"):
            try:
                has_digests = check(path)
            except DamagedError as error:
                damaged.append(f"{path}: {error}")
            except (GoneError, FileNotFoundError):  # another process has merged or removed it
                continue
            else:
                n_checked += has_digests
                without += [] if has_digests else [path]
    return Checked(n_checked, tuple(without), tuple(damaged))


def entries_to_prune(
    entries: Sequence[CacheEntry],
    *,
    now: float,
    methods: Sequence[str] = (),
    unused_days: float | None = None,
    max_size: int | None = None,
) -> list[CacheEntry]:
    """Choose entries to remove: those that match every criterion, and of them as many as the size asks for.

    Args:
        entries: All entries.
        now: The time, in seconds since 1970.
        methods: Names of methods or drawn datasets; by default all.
        unused_days: Choose entries that were last used this number of days ago, or earlier.
        max_size: Size in bytes that the cache may keep; the entries that were not used for longest go first.
    """
    chosen = [entry for entry in entries if not methods or entry.name in methods]
    if unused_days is not None:
        chosen = [entry for entry in chosen if now - entry.used >= unused_days * 86400]
    if max_size is None:
        return chosen
    kept, result = sum(entry.size for entry in entries), []
    for entry in sorted(chosen, key=lambda entry: entry.used):
        if kept <= max_size:
            break
        kept -= entry.size
        result.append(entry)
    return result


def _own_folders(root: Path, pattern: str) -> Iterator[Path]:
    """Yield the folders that match a pattern and that no link leads to."""
    for path in sorted(root.glob(pattern)):
        below = path.relative_to(root).parts
        if path.is_dir() and not any(root.joinpath(*below[: n + 1]).is_symlink() for n in range(len(below))):
            yield path


def _entry(key: str, parts: Sequence[tuple[str, Path]]) -> CacheEntry:
    files = [file for _, folder in parts for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    stats = [file.lstat() for file in files]
    times = [stat.st_mtime for stat in stats] or [folder.stat().st_mtime for _, folder in parts]
    about = {}
    used = max(times)
    for _, folder in parts:
        note = folder / f"{ABOUT}.json"
        if note.is_file():
            used = note.stat().st_mtime
            try:
                about = without_digest(json.loads(note.read_bytes()))
            except (OSError, ValueError):
                about = {}
    holds = tuple(name for name, _ in parts)
    name = _drawn_name(parts[0][1]) if holds == ("drawings",) else str(about.get("method", UNKNOWN))
    version = str(about.get("version", ""))
    size = sum(stat.st_size for stat in stats)
    return CacheEntry(name, version, holds, key, tuple(folder for _, folder in parts), size, min(times), used)


def _drawn_name(folder: Path) -> str:
    try:
        return str(json.loads((folder / "digest.json").read_bytes())["dataset"])
    except (OSError, ValueError, KeyError, TypeError):
        return "patterns"


def _checks(entry: CacheEntry) -> Iterator[tuple[Path, Callable[[Path], bool]]]:
    """Yield each thing to check in an entry, with the function that checks it."""
    for holds, folder in zip(entry.holds, entry.folders, strict=True):
        if holds == _FEATURES:
            yield from ((shard, _check_shard) for shard in sorted(folder.glob("shard-*")))
            yield from ((note, _check_note) for note in sorted(folder.glob("*.json")))
        elif holds == _MODEL:
            yield folder, check_fitted
        elif holds == "drawings":
            yield folder, _check_drawings


def _check_shard(folder: Path) -> bool:
    shard = Shard.open(folder)
    shard.check()
    return shard.digests is not None


def _check_note(path: Path) -> bool:
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise DamagedError("it is no JSON") from error
    return len(without_digest(values)) < len(values)


def _check_drawings(folder: Path) -> bool:
    from reidbench.data.patterns import is_whole

    if not is_whole(folder):
        raise DamagedError("an image or the table is missing or has other bytes")
    return True
