"""Remove saved runs and recorded failures from a folder of runs, and nothing else.

A run is removed only if its folder is ``RUNS/<dataset>/<method>/<id>`` with a ``run.json`` in it, and ``<id>`` is 16
hexadecimal digits. Of this folder, only the files that reidbench writes are removed. Links are never followed: neither
to find a run nor to remove one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.files import explain_os_errors, remove_file, remove_folder
from reidbench.records.run_record import plain_name

_MADE = re.compile(r"run\.json|split\.csv|predictions\.csv|scores\.npz|work|\..+\.[0-9]+-[0-9a-f]{8}\.tmp(\.[a-z]+)?")
"""Names of what reidbench writes to the folder of a run: its files, checkpoints, and temporary files."""
_ID = re.compile(r"[0-9a-f]{16}")
_DEPTH = 3
"""Folders from the folder of runs down to a run: dataset, method, id."""


@dataclass(frozen=True, slots=True)
class Removable:
    """A run folder or the file of a failed run.

    Attributes:
        path: The folder or file.
        size: Its size in bytes; links count nothing.
    """

    path: Path
    size: int

    def remove(self) -> None:
        """Remove it; files in the folder of a run that reidbench did not write stay.

        Raises:
            ReidbenchError: It can't be removed, or not all of it.
        """
        others: list[str] = []
        with explain_os_errors(
            "this can't be removed", where=str(self.path), remedy="check who owns the folder, then try again"
        ):
            remove_file(self.path / "run.json" if self.path.is_dir() else self.path)  # what is left is no run
            if self.path.is_dir():
                entries = sorted(self.path.iterdir())
                others = [entry.name for entry in entries if not _MADE.fullmatch(entry.name)]
                for entry in entries:
                    if entry.name not in others:
                        (remove_folder if entry.is_dir() else remove_file)(entry)
                if not others:
                    remove_folder(self.path)
        if others:
            raise ReidbenchError(
                f"the run is removed, but its folder also holds {', '.join(others[:5])}, which reidbench did not write",
                where=str(self.path),
                remedy="delete the folder yourself if you do not need these files",
            )


def removable_run(name: str | Path, runs_dir: Path) -> Removable:
    """Return the run with a name.

    Args:
        name: Folder of the run, its id, or the first characters of its id. Its record may be unreadable.
        runs_dir: Folder of runs that the run must be in.

    Raises:
        ReidbenchError: There is no such run below ``runs_dir``, several ids begin with ``name``, or there is a link.
    """
    if Path(name).is_dir():
        path = _run_folder(Path(name), runs_dir)
        return Removable(path, folder_size(path))
    paths = sorted(runs_dir.glob("*/*/*/run.json"))
    folders = [path.parent for path in paths if _ID.fullmatch(path.parent.name) and not _has_link(path, runs_dir)]
    matches = [folder for folder in folders if folder.name.startswith(str(name))]
    if len(matches) == 1:
        return Removable(matches[0], folder_size(matches[0]))
    if matches:
        raise ReidbenchError(
            f"'{name}' begins the id of several runs: {', '.join(folder.name for folder in matches[:5])}",
            where=f"--runs {runs_dir}",
            remedy="write more of the id, or name the run's folder",
        )
    raise ReidbenchError(
        f"there is no run '{name}'", where=f"--runs {runs_dir}", remedy="reidbench runs ls   # lists the ids"
    )


def removable_failures(runs_dir: Path, methods: Sequence[str] = ()) -> list[Removable]:
    """Return the recorded failures below a folder, of some methods or of all.

    Raises:
        ReidbenchError: A method has no recorded failure.
    """
    files = [path for path in sorted(runs_dir.glob("*/*/failed-*.json")) if not _has_link(path, runs_dir)]
    failed = {path.parent.name for path in files}
    names = {plain_name(method.rpartition(":")[2]): method for method in methods}
    for name, method in names.items():
        if name not in failed:
            raise ReidbenchError(
                f"no failure of the method '{method}' is recorded",
                where=f"--runs {runs_dir}",
                remedy=f"choose one of: {', '.join(sorted(failed))}" if failed else "there is nothing to remove",
            )
    return [Removable(path, path.stat().st_size) for path in files if not names or path.parent.name in names]


def folder_size(path: Path) -> int:
    """Return the bytes of all files in a folder; links count nothing."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def _run_folder(path: Path, runs_dir: Path) -> Path:
    """Return the folder of a run by its place below ``runs_dir``.

    Raises:
        ReidbenchError: It is not the folder of a run below ``runs_dir``, or a link leads to it.
    """
    if any(part.is_symlink() for part in (path, *path.absolute().parents[: _DEPTH - 1])):
        raise ReidbenchError(
            "this is a link or in a linked folder, and links are not followed",
            where=str(path),
            remedy="name the run's own folder",
        )
    own, base = path.resolve(), runs_dir.resolve()
    below = own.relative_to(base) if own.is_relative_to(base) else Path()
    if len(below.parts) != _DEPTH or not _ID.fullmatch(own.name) or not (own / "run.json").is_file():
        raise ReidbenchError(
            f"this is not a run's folder: RUNS/DATASET/METHOD/ID below {runs_dir}, with a run.json in it "
            "and an ID of 16 digits",
            where=str(path),
            remedy="name a run's folder or its id; --runs names the folder of runs",
        )
    return runs_dir / below


def _has_link(path: Path, base: Path) -> bool:
    """Whether a part of a path below ``base`` is a link."""
    parts = path.relative_to(base).parts
    return any(base.joinpath(*parts[: n + 1]).is_symlink() for n in range(len(parts)))
