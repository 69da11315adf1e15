"""Read files that others made: regular files only, of limited size, and JSON and TOML of limited depth.

A path can name a device or a pipe, where a read waits for ever, and a small file can hold lists inside 5,000 lists.
Every function raises ``OSError`` or ``ValueError`` with a reason that a message can quote.
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

LARGEST_TEXT: Final = 2**31
"""Bytes of the largest table, record or settings file that is read: 2 GiB."""


def check_regular(path: Path) -> None:
    """Check that a path names a regular file, before it is opened. Links are followed.

    Raises:
        OSError: It does not exist, can't be reached, or is a folder, a device, a pipe or a socket.
    """
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError("it is a folder")
    # Files below /proc and /sys are regular by their mode, but a read can wait for ever.
    if not stat.S_ISREG(kind) or (os.name == "posix" and _is_of_the_system(path)):
        raise OSError("it is not a regular file, but a device, a pipe or a file of the system")


def read_regular(path: Path) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        OSError: It can't be read, or is not a regular file of at most :data:`LARGEST_TEXT` bytes.
    """
    try:
        check_regular(path)
        if path.stat().st_size > LARGEST_TEXT:
            raise OSError(f"it is larger than {LARGEST_TEXT >> 30} GiB")
        return path.read_bytes()
    except ValueError as error:  # a zero byte in the path
        raise OSError(str(error)) from error


def parse_json(content: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is not JSON in UTF-8, or is nested too deeply.
    """
    try:
        return json.loads(_decoded(content))
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error


def parse_toml(content: bytes) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        ValueError: It is not TOML in UTF-8, or is nested too deeply.
    """
    try:
        return tomllib.loads(_decoded(content))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is not TOML: {error}") from error
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error


def _decoded(content: bytes | str) -> str:
    try:
        return content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1 if isinstance(content, bytes) else 1
        raise ValueError(f"it is not in UTF-8: line {row} has the byte 0x{error.object[error.start]:02x}") from error


def _is_of_the_system(path: Path) -> bool:
    parts = path.resolve().parts
    return len(parts) > 1 and parts[1] in ("proc", "sys")
