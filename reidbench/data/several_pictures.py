"""Count the pictures in files that can hold several: pages of TIFF, and frames of animated GIF and WebP."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

from reidbench.data.pictures import open_picture

_SUFFIXES = frozenset({".tif", ".tiff", ".gif", ".webp"})
_SHOWN = 3


def n_pictures(path: Path) -> int:
    """Return the number of pages or frames of a file; 1 if it cannot be read. No pixel is decoded."""
    try:
        with warnings.catch_warnings(action="ignore"), open_picture(path) as opened:
            return int(getattr(opened, "n_frames", 1))
    except Exception:  # a damaged file can make Pillow raise any exception; decoding the picture names the reason
        return 1


def several_pictures_notes(paths: Iterable[Path]) -> list[str]:
    """Return a note on the files that hold several pictures; empty if there are none.

    Only the first picture of such a file is read. Files with another suffix than those of TIFF, GIF and WebP are not
    opened.
    """
    counts = {path: n_pictures(path) for path in dict.fromkeys(paths) if path.suffix.lower() in _SUFFIXES}
    several = [f"'{path.name}' ({count})" for path, count in counts.items() if count > 1]
    if not several:
        return []
    more = f" and {len(several) - _SHOWN} more" if len(several) > _SHOWN else ""
    files = "1 file holds" if len(several) == 1 else f"{len(several)} files hold"
    return [
        f"{files} several pictures (pages or frames), of which only the first is read: {', '.join(several[:_SHOWN])}"
        f"{more}; save each picture as a file if they show the animal"
    ]
