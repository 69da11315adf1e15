"""Where representations are kept, so that the same images are never described twice.

An entry's key holds everything that shaped it: image bytes, method, version, settings, weights and, for
a method that learns, the images it learned from and the seed. Entries are plain arrays, written under a
temporary name and renamed, so a killed run leaves no half entry behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from reidbench.errors import ReidbenchError
from reidbench.representations import Ragged, Representation

FORMAT = "1"


def cache_dir() -> Path:
    """Return the cache folder: ``REIDBENCH_CACHE``, else the user's own."""
    import platformdirs

    given = os.environ.get("REIDBENCH_CACHE")
    return Path(given) if given else Path(platformdirs.user_cache_dir("reidbench"))


def key_of(*parts: str) -> str:
    """Digest everything that shaped an entry."""
    return hashlib.sha256("\x00".join((FORMAT, *parts)).encode()).hexdigest()


def read_representation(key: str) -> Representation | None:
    """Return the entry, or ``None`` when there is none or it can't be read (it is then made anew)."""
    path = _path(key)
    try:
        with np.load(path, allow_pickle=False) as stored:
            dense = {n.removeprefix("dense."): stored[n] for n in stored.files if n.startswith("dense.")}
            names = [n.removeprefix("rows.") for n in stored.files if n.startswith("rows.")]
            ragged = {n: Ragged(stored[f"rows.{n}"], stored[f"offsets.{n}"]) for n in names}
            return Representation(dense, ragged)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def write_representation(key: str, representation: Representation) -> None:
    """Keep an entry."""
    arrays = {f"dense.{name}": array for name, array in representation.dense.items()}
    for name, ragged in representation.ragged.items():
        arrays[f"rows.{name}"] = ragged.values
        arrays[f"offsets.{name}"] = ragged.offsets
    _write(_path(key), lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


def read_note(key: str) -> dict[str, Any] | None:
    """Return what was noted beside an entry, or ``None``."""
    try:
        note: dict[str, Any] = json.loads(_path(key).with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note


def write_note(key: str, note: Mapping[str, Any]) -> None:
    """Keep plain values beside an entry: how the method was fitted and what that cost."""
    _write(_path(key).with_suffix(".json"), lambda file: file.write(json.dumps(note).encode()))


def _write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            try:
                write(file)
                file.flush()
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise ReidbenchError(
            f"the cache can't be written: {error.strerror or error}",
            where=str(path.parent),
            remedy="make room, or name another folder: REIDBENCH_CACHE=DIR reidbench …",
        ) from error


def _path(key: str) -> Path:
    return cache_dir() / "representations" / key[:2] / f"{key}.npz"
