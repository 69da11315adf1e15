"""Count the photographs of a folder that its metadata table does not list."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from reidbench.data.image_files import IMAGE_SUFFIXES
from reidbench.data.sources.remarks import NO_PHOTOGRAPHS


def unlisted_remarks(cells: Iterable[object], root: Path) -> list[str]:
    """Return a remark on the photographs that no row lists; empty if there are none.

    The folders that the rows name are searched: ``img`` with all its sub-folders if a row has ``img/ana/1.jpg``, and
    only the folder itself for a photograph directly in the root or outside it. Only names are read, no files.

    Args:
        cells: Paths and masks of all rows, also of those without an identity.
        root: Folder that relative paths start from.
    """
    top = os.path.abspath(root)  # noqa: PTH100 - Path.resolve would follow links, and Path.absolute keeps ".."
    paths = [os.path.normpath(os.path.join(top, cell.strip())) for cell in cells if isinstance(cell, str)]  # noqa: PTH118
    listed = {_folded(path) for path in paths}
    folders = {_searched(Path(path), Path(top)) for path in paths if Path(path).suffix.lower() in IMAGE_SUFFIXES}
    photographs = sorted({path for folder, inner in folders for path in _photographs(folder, inner=inner)})
    unlisted = [path for path in photographs if _folded(path) not in listed]
    if not unlisted:
        return []
    example = os.path.relpath(unlisted[0], top)
    verb = "is" if len(unlisted) == 1 else "are"
    return [
        f"{len(unlisted)} of the {len(photographs)} photographs in the folder {verb} not in the table and not read, "
        f"such as '{example}'"
    ]


def _searched(path: Path, top: Path) -> tuple[Path, bool]:
    """Return the folder to search for a listed photograph, and whether its sub-folders are searched too."""
    if not path.is_relative_to(top):
        return path.parent, False
    parts = path.relative_to(top).parts
    return (top / parts[0], True) if len(parts) > 1 else (top, False)


def _photographs(folder: Path, *, inner: bool) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if inner and _holds_photographs(name)]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
                yield str(Path(place) / name)


def _holds_photographs(folder: str) -> bool:
    return not folder.startswith((".", "@", "__")) and folder.casefold() not in NO_PHOTOGRAPHS


def _folded(path: str) -> str:
    """Return a path in one form, since some file systems change case or decompose letters."""
    return unicodedata.normalize("NFC", path).casefold()
