"""Digests of the files of a run, by which a changed file is noticed before it gives other numbers.

``run.json`` holds the SHA-256 of each other file of the run, and of its own content except these digests. Runs of
earlier versions have none, and that is no error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reidbench.errors import ReidbenchError

RUN_FILES: Final = ("split.csv", "predictions.csv", "scores.npz")
"""The files of a run besides its record."""
RECORD: Final = "run.json"
"""The file of the record."""


def file_digest(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file, as hexadecimal digits.

    Raises:
        OSError: The file can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the content of a ``run.json``, of all keys but ``files``."""
    values = {key: value for key, value in record.items() if key != "files"}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def check_record(record: Mapping[str, Any], *, where: str) -> None:
    """Check that a ``run.json`` is the one that was written; a record without digest is no error.

    Args:
        record: Its content, before any migration.
        where: The file, for errors.

    Raises:
        ReidbenchError: It was changed.
    """
    digests = record.get("files")
    if isinstance(digests, Mapping) and digests.get(RECORD, "") not in ("", record_digest(record)):
        raise ReidbenchError(
            "a run record was changed after it was written",
            where=where,
            remedy="put the run's own record back, or delete the folder and run it again",
        )


def check_file(folder: Path, name: str, digests: Mapping[str, str]) -> None:
    """Check that a file of a run is the one that was written; a missing file is left to its reader.

    Args:
        folder: Folder of the run.
        name: Name of the file, one of :data:`RUN_FILES`.
        digests: The digests in the record; empty for a run of an earlier version.

    Raises:
        ReidbenchError: The file differs from the one that was written, or can't be read.
    """
    path = folder / name
    if name not in digests or not path.exists():
        return
    try:
        changed = file_digest(path) != digests[name]
    except OSError as error:
        raise ReidbenchError(
            f"{name} of a run can't be read: {error.strerror or error}", where=str(path), remedy="check the disk"
        ) from error
    if changed:
        raise ReidbenchError(
            f"{name} of a run was changed after it was written, or is damaged",
            where=str(path),
            remedy="put the run's own file back, or run it again with --again",
        )
