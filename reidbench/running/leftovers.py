"""Remove what killed processes left behind: temporary files and folders in the cache, among runs and elsewhere.

Only names that :mod:`reidbench.files` gives to temporary files are removed, and ``tmp-*`` in a store, which version 0.1
wrote. Each is at least a day old, and its process does not run any more. Links are never followed or removed.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reidbench.files import cache_dir, owner_of_leftover, remove_file, remove_folder
from reidbench.progress import Progress

_OLD_S = 24 * 3600.0
_CACHE_PLACES = ("*", "patterns/*", "work/*", "fitted/*/*", "representations/*/*", "representations/*/*/*")
_RUN_PLACES = (".*", "*/.*", "*/*/.*", "*/*/*/.*")
_swept: set[Path] = set()
"""Folders that this process has swept at the start of a run."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder of a process that was killed.

    Attributes:
        path: Its place.
        size: Its size in bytes.
    """

    path: Path
    size: int

    def remove(self) -> bool:
        """Remove it; return whether that was possible."""
        if self.path.is_dir():
            remove_folder(self.path, ignore_errors=True)
        else:
            remove_file(self.path, ignore_errors=True)
        return not self.path.exists()


def leftovers(runs_dir: Path | None = None) -> list[Leftover]:
    """Return what killed processes left in the cache, in the temporary folder of the system and in a folder of runs."""
    found = [*_in(cache_dir(), _CACHE_PLACES), *_in(Path(tempfile.gettempdir()), ("reidbench-*",))]
    if runs_dir is not None:
        found += _in(runs_dir, _RUN_PLACES)
    return found


def sweep_quietly(runs_dir: Path, progress: Progress) -> None:
    """Remove leftovers once in this process, at the start of a run; one line says how many.

    Args:
        runs_dir: Folder of runs.
        progress: Where the line goes.
    """
    folders = {runs_dir.absolute(), cache_dir().absolute()}
    if folders <= _swept:
        return
    _swept.update(folders)
    removed = [each for each in leftovers(runs_dir) if each.remove()]
    if removed:
        progress.warn(removal_line(removed))


def removal_line(removed: Iterable[Leftover]) -> str:
    """Return the sentence that says how many leftovers were removed."""
    sizes = [each.size for each in removed]
    what = "a temporary file or folder" if len(sizes) == 1 else f"{len(sizes)} temporary files and folders"
    return f"removed {what} of processes that were killed more than a day ago ({sum(sizes) / 1e6:.1f} MB)"


def _in(root: Path, patterns: Iterable[str]) -> Iterator[Leftover]:
    now = time.time()
    for path in sorted({path for pattern in patterns for path in root.glob(pattern)}):
        owner = owner_of_leftover(path)
        is_of_first_version = path.name.startswith("tmp-") and path.parent.parent.parent == root / "representations"
        if (owner is None and not is_of_first_version) or path.is_symlink():
            continue
        try:
            if not _is_own(path):
                continue
            newest, size = _newest_and_size(path)
        except OSError:  # another process removes it at this moment
            continue
        if now - newest >= _OLD_S and not (owner is not None and _runs(owner)):
            yield Leftover(path, size)


def _newest_and_size(path: Path) -> tuple[float, int]:
    """Return the time of the last change of a file, or of anything in a folder, and the size."""
    stats = [path.lstat(), *(each.lstat() for each in path.rglob("*"))] if path.is_dir() else [path.lstat()]
    return max(stat.st_mtime for stat in stats), sum(stat.st_size for stat in stats)


def _is_own(path: Path) -> bool:
    """Whether a file belongs to the user; the temporary folder holds files of others."""
    return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()


def _runs(process: int) -> bool:
    """Whether a process runs on this machine."""
    if os.name != "posix":
        return False  # `os.kill` would end it; a file that is in use can't be removed there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
