"""Find the photographs in a folder: by suffix, by content where the suffix is unknown, and with links followed.

Files that are no photographs are counted by suffix, so that a reader can say what was left out.
"""

from __future__ import annotations

import importlib.util
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from PIL import features

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
"""Suffixes of formats that every installation reads."""
HEIF_REMEDY = "pip install 'reidbench[heif]'   # or pillow-heif; or save the photographs as JPEG"
AVIF_REMEDY = "pip install 'pillow>=11.3'   # reads AVIF; or save the photographs as JPEG"

_HEAD = 32  # bytes that tell a format
_HEIF, _AVIF = "HEIF", "AVIF"
_HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
_AVIF_SUFFIXES = frozenset({".avif", ".avifs"})
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _HEIF),
}
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
# TIFF or JPEG by content, but raw data of a camera, or the small preview of a video.
_RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mos", ".mrw", ".nef", ".nrw",
    ".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".thm", ".x3f",
})  # fmt: skip
_COPY_ENDINGS = ("_original", "~", ".bak", ".old", ".orig", ".tmp", ".part", ".crdownload")
# Folders of operating systems and storage devices, with previews or deleted files.
_SYSTEM_FOLDERS = frozenset({
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information",
})  # fmt: skip
_SHOWN = 3  # problems that a note quotes


@dataclass(frozen=True, slots=True)
class FolderContent:
    """Photographs of a folder, and what was left out.

    Attributes:
        images: Paths of the photographs, sorted.
        left_out: Number of files that are no photographs, by suffix; ``(none)`` is a name without a suffix.
        problems: A line for each broken link, link that leads in a circle, unreadable folder and unreadable name.
        is_link_back: Whether the folder is a link to a folder that holds it.
    """

    images: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    is_link_back: bool = False


def read_folder(folder: Path, top: Path | None = None) -> FolderContent:
    """Find the photographs in a folder and its sub-folders; hidden files and folders are not read.

    A link to a folder is followed, except to a folder that holds the link or was read already.

    Args:
        folder: The folder to read.
        top: Folder that holds ``folder``; by default ``folder`` itself. A link back to it is not followed.
    """
    top = top or folder
    real = top.resolve()
    seen = {real, *real.parents}
    if folder != top:
        if folder.resolve() in seen:
            return FolderContent(problems=[_link_back(folder, top)], is_link_back=True)
        seen.add(folder.resolve())
    content = FolderContent()
    _walk(folder, top, seen, content)
    content.images.sort()
    return content


def read_top(folder: Path) -> tuple[FolderContent, list[Path]]:
    """Read a folder without its sub-folders; return its content and the sub-folders, sorted."""
    content = FolderContent()
    return content, _read_level(folder, folder, content)


def _walk(folder: Path, top: Path, seen: set[Path], content: FolderContent) -> None:
    """Read a folder and those in it; ``seen`` holds the folders that were read."""
    # A folder is read at its place before links to it.
    for inner in sorted(_read_level(folder, top, content), key=Path.is_symlink):
        real = inner.resolve()
        if real in seen:
            content.problems.append(_link_back(inner, top))
        else:
            seen.add(real)
            _walk(inner, top, seen, content)


def _read_level(folder: Path, top: Path, content: FolderContent) -> list[Path]:
    """Add the files of a folder to ``content`` and return its sub-folders."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        content.problems.append(f"the folder '{_shown(folder, top)}' cannot be read: {error.strerror}")
        return []
    folders = []
    for entry in entries:
        if entry.name.startswith("."):
            content.left_out["hidden"] += entry.suffix.lower() in IMAGE_SUFFIXES
        elif not _is_text(entry.name):
            content.problems.append(f"the name '{_shown(entry, top)}' is not UTF-8 text: rename it")
        elif entry.is_dir() and entry.name.casefold() in _SYSTEM_FOLDERS:
            content.problems.append(f"the system folder '{_shown(entry, top)}' is not read")
        elif entry.is_dir():
            folders.append(entry)
        elif entry.is_symlink() and not entry.exists():
            content.problems.append(f"the link '{_shown(entry, top)}' is broken")
        elif is_image(entry):
            content.images.append(entry)
        else:
            content.left_out[entry.suffix.lower() or "(none)"] += 1
    return folders


def _link_back(folder: Path, top: Path) -> str:
    return f"the link '{_shown(folder, top)}' leads to a folder that is read already"


def is_image(path: Path) -> bool:
    """Return whether a file is a photograph that can be read here.

    The suffix decides if it is known. Otherwise, the first bytes decide; raw files of cameras and backup copies are no
    photographs.
    """
    suffix = path.suffix.lower()
    if suffix in _HEIF_SUFFIXES:
        return reads_heif() and path.is_file()
    if suffix in _AVIF_SUFFIXES:
        return reads_avif() and path.is_file()
    if suffix in IMAGE_SUFFIXES:
        return path.is_file()
    if suffix in _RAW_SUFFIXES or path.name.lower().endswith(_COPY_ENDINGS):
        return False
    kind = image_format(path)
    return bool(kind) and missing_reader(kind) is None


def near_path(path: str, root: Path) -> str:
    r"""Return the path of the only file that is written like a path that leads nowhere; empty if there is none.

    Backslashes count as separators. Upper and lower case, composed and decomposed letters, blanks around the path, and
    the suffix of an image do not count: ``img\\A.JPG`` may be ``img/a.jpeg``.

    Args:
        path: The path as a table has it.
        root: Folder that relative paths start from.
    """
    parts = PurePosixPath(path.strip().replace("\\", "/")).parts
    here = PurePosixPath()
    for place, part in enumerate(parts):
        if (root / here / part).exists():
            here /= part
            continue
        try:
            names = sorted(entry.name for entry in (root / here).iterdir())
        except OSError:
            return ""
        near = [name for name in names if _folded(name) == _folded(part)]
        if not near and place == len(parts) - 1:
            stem = _folded(PurePosixPath(part).stem)
            near = [
                name
                for name in names
                if _folded(PurePosixPath(name).stem) == stem and PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
            ]
        if len(near) != 1:
            return ""
        here /= near[0]
    return str(here) if (root / here).is_file() else ""


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def missing_reader(kind: str) -> str | None:
    """Return how to read a format or suffix that this installation can't read; ``None`` if nothing is missing.

    Example:
        >>> missing_reader("JPEG") is None
        True
    """
    if kind == _HEIF or kind in _HEIF_SUFFIXES:
        return None if reads_heif() else HEIF_REMEDY
    if kind == _AVIF or kind in _AVIF_SUFFIXES:
        return None if reads_avif() else AVIF_REMEDY
    return None


def image_format(path: Path) -> str:
    """Return the format of a file by its first bytes, as Pillow calls it; empty if it is no known image format."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    return format_of(head)


def format_of(head: bytes) -> str:
    """Return the image format that a file begins with, as Pillow calls it; empty if it is none of the known ones.

    Example:
        >>> format_of(b"GIF89a"), format_of(b"%PDF-1.7")
        ('GIF', '')
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "TIFF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    return ""


def reads_avif() -> bool:
    """Return whether the installed Pillow reads AVIF."""
    return bool(features.check("avif"))


def reads_heif() -> bool:
    """Return whether pillow-heif is installed, which reads HEIC."""
    return importlib.util.find_spec("pillow_heif") is not None


@cache
def register_heif() -> bool:
    """Make Pillow read HEIC, once a process; return whether pillow-heif is installed."""
    if not reads_heif():
        return False
    import pillow_heif

    pillow_heif.register_heif_opener()
    return True


def left_out_notes(contents: Iterable[FolderContent]) -> list[str]:
    """Return remarks on the files that were left out, one for the counts and one for the problems.

    Example:
        >>> left_out_notes([FolderContent(left_out=Counter({".mov": 6, ".txt": 1}))])
        ['7 files left out: 6 .mov, 1 .txt']
    """
    counts: Counter[str] = Counter()
    problems: list[str] = []
    for content in contents:
        counts.update(content.left_out)
        problems += content.problems
    counts = +counts
    notes = []
    if counts:
        needed = dict.fromkeys(filter(None, map(missing_reader, counts)))
        noun = "file" if counts.total() == 1 else "files"
        listed = ", ".join(
            f"{n} {suffix}" for suffix, n in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        )
        notes.append(f"{counts.total()} {noun} left out: {listed}" + "".join(f" ({remedy})" for remedy in needed))
    if problems:
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        notes.append(", ".join(problems[:_SHOWN]) + more)
    return notes


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: Path, top: Path) -> str:
    return os.fsencode(path.relative_to(top)).decode(errors="backslashreplace")
