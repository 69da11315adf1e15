"""Digests of images: what decides a number is in them, and nothing else.

Rule 2 hashes a set of images. Rule 1, of earlier versions, hashed a list of rows with their ids; it is kept so that
runs of those versions find their images.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Final

import pandas as pd

DIGEST_RULE: Final = 2
"""The rule by which this version computes digests."""

Box = tuple[float, float, float, float]


def image_key(
    file_hash: str,
    box: Box | None,
    identity: str,
    group: str,
    orientation: str,
    date: str,
    encounter: str,
    part: str,
) -> str:
    """Return the SHA-256 over all that can decide a number about one image.

    Args:
        file_hash: SHA-256 of the bytes of the file.
        box: Box of the animal in pixels; ``None`` for the whole picture.
        identity: Identity of the animal.
        group: Group of the image.
        orientation: Side of the animal; may be empty.
        date: Date, with or without a time of day; may be empty.
        encounter: Encounter that the source names; may be empty.
        part: Part of the split that the source gives; may be empty.
    """
    numbers = None if box is None else [float(value) for value in box]
    values = (file_hash, numbers, identity, group, orientation, date, encounter, part)
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def digest_of_keys(keys: Iterable[str]) -> str:
    """Return the SHA-256 over keys, one a line, sorted; equal keys count as often as they occur.

    Example:
        >>> digest_of_keys(["b", "a"]) == digest_of_keys(["a", "b"])
        True
    """
    return hashlib.sha256("".join(f"{key}\n" for key in sorted(keys)).encode()).hexdigest()


def digest_by_rule_1(file_hashes: Sequence[str], table: pd.DataFrame) -> str:
    """Return the digest of earlier versions: over the rows in their order, with their ids.

    Args:
        file_hashes: SHA-256 of the bytes of each file.
        table: Table of an image set. A time of day is left out, since rule 1 knew days only.
    """
    columns = [table[name].tolist() for name in ("image_id", "identity", "group", "date", "orientation", "bbox")]
    columns[3] = [date[:10] for date in columns[3]]
    total = hashlib.sha256()
    for row in zip(file_hashes, *columns, strict=True):
        total.update(json.dumps(row).encode() + b"\n")
    return total.hexdigest()
