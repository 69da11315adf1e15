"""What methods have learned: the folder of a training that goes on, and the folder of a finished one, in the cache.

A training works in ``work/KEY``. When its features are in the cache, the folder is moved to ``fitted/``, for images
that come later. It holds the digests of its files. A folder without them is from an earlier version.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path

from reidbench.files import cache_dir, explain_os_errors, move_folder, remove_folder, write_text
from reidbench.progress import Progress
from reidbench.running.block_digests import DamagedError, FileDigests, with_digest, without_digest
from reidbench.running.representation_store import explain_writing

DIGESTS = ".digests.json"


def work_dir(key: str, root: Path | None = None) -> Path:
    """Return the folder in which a model is trained, by the key of its features.

    Args:
        key: Key of the features.
        root: Folder of the store; by default the cache.
    """
    return (root or cache_dir()) / "work" / key


def fitted_dir(key: str) -> Path:
    """Return the folder of a fitted model, by the key of its features."""
    return cache_dir() / "fitted" / key[:2] / key


def keep_fitted(key: str, work_dir: Path) -> None:
    """Move a fitted model from its work folder to its final folder, for images that come later.

    Raises:
        ReidbenchError: The cache can't be written.
    """
    kept = fitted_dir(key)
    with explain_writing(kept):
        if not work_dir.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the folder of the training is gone", str(work_dir))
        _write_digests(work_dir)
        move_folder(work_dir, kept)


def find_fitted(key: str, progress: Progress) -> Path | None:
    """Return the folder of a fitted model, ``None`` if there is none. A damaged model is removed and reported.

    Raises:
        ReidbenchError: A file can't be read, for a reason that proves no damage.
    """
    folder = fitted_dir(key)
    if not folder.is_dir():
        return None
    with explain_os_errors("a trained model can't be read", where=str(folder), remedy="check the rights of the folder"):
        try:
            has_digests = check_fitted(folder)
        except DamagedError as error:
            remove_folder(folder, ignore_errors=True)
            progress.warn(f"a trained model in the cache is damaged and was removed: {folder} ({error})")
            return None
        if not has_digests:
            try:
                _write_digests(folder)
            except OSError:  # a cache that can't be written can still be read
                return folder
            progress.warn(
                f"added checksums to a trained model of an earlier version, so that damage can be found: {folder}"
            )
    return folder


def check_fitted(folder: Path) -> bool:
    """Check the files of a fitted model; return whether the folder has digests.

    Raises:
        DamagedError: A file is missing or has another digest.
        OSError: A file can't be read.
    """
    try:
        content = (folder / DIGESTS).read_bytes()
    except FileNotFoundError:
        return False
    try:
        files = without_digest(json.loads(content))
        listed = {name: FileDigests.from_json(value) for name, value in files["files"].items()}
    except (ValueError, KeyError, AttributeError) as error:
        raise DamagedError(f"{DIGESTS} is damaged: {error}") from error
    for name, digests in listed.items():
        try:
            digests.check(folder / name)
        except FileNotFoundError as error:
            raise DamagedError(f"{name} is missing") from error
    return True


def _write_digests(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != DIGESTS)
    listed = {path.relative_to(folder).as_posix(): FileDigests.of(path).to_json() for path in files}
    write_text(folder / DIGESTS, json.dumps(with_digest({"files": listed})))
