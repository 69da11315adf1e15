"""Write and read checkpoints of a training; a damaged one is found before it is used.

A checkpoint is a zip archive of torch with a checksum of each entry. torch does not compare the checksums when it
reads, so a flipped bit would change a weight; they are compared here first.
"""

from __future__ import annotations

import errno
import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from reidbench.errors import ReidbenchError
from reidbench.files import explain_os_errors, whole_file

_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)
"""Errors of zipfile for an archive that is cut short or has other bytes."""
_KEYS = {"key", "numbers", "objective", "best"}


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint; an earlier one at ``path`` is replaced only when the new one is complete.

    Raises:
        ReidbenchError: It can't be written.
    """
    explained = explain_os_errors(
        "the checkpoint can't be written",
        where=str(path),
        remedy="free disk space; the same command continues after the last saved epoch",
    )
    with explained, whole_file(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(dict(content), file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch hides why the file could not be written
                raise error.__context__ from error
            raise


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the content of a checkpoint, ``None`` if the file is damaged.

    The file is a zip archive with a checksum of each entry, which torch does not compare when it reads.

    Raises:
        ReidbenchError: It can't be read, for a reason that proves no damage, such as too little memory.
    """
    with explain_os_errors("the checkpoint can't be read", where=str(path), remedy="check the rights of the file"):
        try:
            with zipfile.ZipFile(path) as archive:
                if archive.testzip() is not None:
                    return None
        except OSError as error:
            if error.errno == errno.EINVAL:  # an entry begins before the file
                return None
            raise
        except _DAMAGED_ZIP:
            return None
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except RuntimeError as error:
            if "failed reading zip archive" in str(error):  # a field of the archive that zipfile does not use
                return None
            raise ReidbenchError(
                f"the checkpoint can't be read: {error}",
                where=str(path),
                remedy="free memory; or delete the file, then the training starts again",
            ) from error
        except (pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError, TypeError):
            return None
    is_checkpoint = isinstance(content, dict) and set(content) >= _KEYS
    return content if is_checkpoint else None
