"""Write files and folders whole or not at all, and remove them without following links.

Every file that reidbench keeps is written by this module: under a temporary name in the same folder, flushed to
disk, then renamed. A write that fails or is killed therefore leaves the earlier file as it was. A folder is renamed
before it is removed, so it is there whole or not at all. A killed process can leave files and folders with temporary
names, ``.NAME.PROCESS-TOKEN.tmp.SUFFIX``; :mod:`reidbench.running.leftovers` removes them.

Every change of the disk is counted. For tests, ``REIDBENCH_KILL_BEFORE=n`` ends the process before its n-th change.

The functions raise ``OSError``. Callers name the file and what to do about it with :func:`explain_os_errors`.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from reidbench.errors import ReidbenchError

_ATTEMPTS = 5
"""How often a folder is put in place while other processes write the same one."""
_FLUSHED_AT_ONCE = 16
"""A disk writes several files in one go: 480 photographs take 0.1 s instead of 2 s."""
_TEMPORARY = re.compile(r"\..{1,40}\.(\d+)-[0-9a-f]{8}\.tmp(\.[^.]*)?", re.DOTALL)
"""Names that :func:`_temporary` gives."""
_TEMPORARY_FOLDER = re.compile(r"reidbench-(?:[a-z]+-)?(\d+)-[a-z0-9_]{8}")
"""Names that :func:`temporary_folder` gives."""
_OF_DISKS = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM
})  # fmt: skip
_kill_before = int(os.environ.get("REIDBENCH_KILL_BEFORE", "0"))
_changes = itertools.count(1)


@contextmanager
def explain_os_errors(message: str, *, where: str, remedy: str) -> Iterator[None]:
    """Turn an ``OSError`` in the block into an error that a user can act on.

    Args:
        message: What failed, such as ``the report can't be written``; the reason is added.
        where: File, folder or option concerned.
        remedy: Instruction for the user.

    Raises:
        ReidbenchError: The block raised an ``OSError``.

    Example:
        >>> with explain_os_errors("the cache can't be written", where="/cache", remedy="make room"):
        ...     raise OSError(28, "No space left on device")
        Traceback (most recent call last):
        reidbench.errors.ReidbenchError: the cache can't be written: No space left on device
          where: /cache
          remedy: make room
    """
    try:
        yield
    except OSError as error:
        raise ReidbenchError(f"{message}: {error.strerror or error}", where=where, remedy=remedy) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; when the block ends well, that file is renamed to ``path``.

    The temporary path has the suffix of ``path``, so that libraries that choose a format by suffix can write to it.
    If ``path`` is a link, the new file replaces the link and not the file that the link points to.

    Args:
        path: The file to write. Its folder is made if it does not exist.

    Yields:
        Where to write.

    Raises:
        OSError: The file can't be written, or ``path`` is a folder or a device. ``path`` is unchanged.

    Example:
        >>> with whole_file(Path("scores.npz")) as temporary:  # doctest: +SKIP
        ...     np.savez_compressed(temporary, scores=scores)
    """
    if path.exists() and not path.is_file():  # a rename would replace a device such as /dev/null
        raise OSError(errno.EINVAL, "it exists and is not a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        _flush(temporary)
        count_change()
        temporary.replace(path)
    finally:
        remove_file(temporary, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made if it does not exist.

    Raises:
        OSError: The file can't be written. An earlier file is unchanged.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8, whole or not at all, with the line ends as they are in ``text``.

    Raises:
        OSError: The file can't be written. An earlier file is unchanged.
    """
    write_bytes(path, text.encode("utf-8"))


def write_output(path: Path, content: str | bytes, what: str, option: str = "--output") -> None:
    """Write a file that the user named on the command line, whole or not at all.

    Args:
        path: The file.
        content: Text, which is written in UTF-8, or bytes.
        what: Content of the file in the message, such as ``report``.
        option: The option that names the file.

    Raises:
        ReidbenchError: The file can't be written. An earlier file is unchanged.
    """
    with explain_os_errors(
        f"the {what} can't be written", where=f"{option} {path}", remedy="name a file that can be written"
    ):
        write_bytes(path, content.encode("utf-8") if isinstance(content, str) else content)


def copy_file(source: Path, path: Path) -> None:
    """Copy the content of a file, whole or not at all.

    Raises:
        OSError: ``source`` can't be read or ``path`` can't be written. An earlier file is unchanged.
    """
    with whole_file(path) as temporary:
        shutil.copyfile(source, temporary)


@contextmanager
def whole_folder(path: Path, *, keep: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """Give a temporary folder with the same parent; when the block ends well, it is renamed to ``path``.

    Args:
        path: The folder to write. Its parent is made if it does not exist.
        keep: Tells whether a folder that exists at ``path`` is good, which another process may have written. Then it
            stays and the new one is dropped. By default the new folder replaces it.

    Yields:
        An empty folder to fill.

    Raises:
        OSError: The folder can't be written, or ``path`` is a file. ``path`` is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        count_change()
        temporary.mkdir()
        yield temporary
        _put_in_place(temporary, path, keep)
    finally:
        remove_folder(temporary, ignore_errors=True)


def move_folder(source: Path, path: Path) -> None:
    """Move a folder, also to another disk; it appears whole and replaces an earlier one.

    Until it is at ``path``, it is at ``source``, also if the process is killed.

    Raises:
        OSError: The folder can't be moved. A folder at ``path`` is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _put_in_place(source, path, None)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with whole_folder(path) as temporary:
            shutil.copytree(source, temporary, dirs_exist_ok=True)
        remove_folder(source)


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Make a folder for temporary files, ``reidbench-PURPOSE-PROCESS-TOKEN``, and remove it when the block ends.

    Args:
        purpose: Lower-case letters.

    Raises:
        ReidbenchError: The folder can't be made, or the block raised an ``OSError`` for a file in it.
    """
    place = "the folder of temporary files"
    try:
        place = tempfile.gettempdir()
        prefix = f"reidbench-{purpose}-{os.getpid()}-"
        with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
            place = folder
            yield Path(folder)
    except OSError as error:
        named = [str(name) for name in (error.filename, error.filename2) if name is not None]
        # An error while a file is written does not name it.
        if not any(name.startswith(place) for name in named) and (named or error.errno not in _OF_DISKS):
            raise
        raise ReidbenchError(
            f"temporary files can't be written: {error.strerror or error}",
            where=place,
            remedy="make room, or name another folder: TMPDIR=DIR reidbench …",
        ) from error


def disk_error(error: OSError) -> ReidbenchError | None:
    """Return an error of the disk as one that a user can act on, for code that does not name the file.

    Returns:
        ``None`` if the error is not about a full, read-only or broken disk or about permissions.
    """
    if error.errno not in _OF_DISKS:
        return None
    return ReidbenchError(
        f"a file can't be read or written: {error.strerror}",
        where=str(error.filename2 or error.filename or "the name of the file is not known"),
        remedy="make room or change the permissions, and repeat the command; finished runs and cached images are kept",
    )


def owner_of_leftover(path: Path) -> int | None:
    """Return the process that gave a file or folder its temporary name; ``None`` for any other name.

    Example:
        >>> owner_of_leftover(Path("runs/.run.4711-00c0ffee.tmp.json")), owner_of_leftover(Path("runs/run.json"))
        (4711, None)
    """
    match = _TEMPORARY.fullmatch(path.name) or _TEMPORARY_FOLDER.fullmatch(path.name)
    return int(match[1]) if match else None


def touch(path: Path) -> None:
    """Set the time of a file to now.

    Raises:
        OSError: The time can't be set.
    """
    count_change()
    os.utime(path)


def count_change() -> None:
    """Count a change of the disk that comes next. A test can let the process be killed before it."""
    if _kill_before and next(_changes) == _kill_before:
        os.kill(os.getpid(), signal.SIGKILL)


def remove_file(path: Path, *, ignore_errors: bool = False) -> None:
    """Remove a file or a link, but never the file that a link points to; a file that does not exist is no error.

    Raises:
        OSError: It can't be removed, unless errors are ignored.
    """
    try:
        count_change()
        path.unlink(missing_ok=True)
    except OSError:
        if not ignore_errors:
            raise


def remove_folder(path: Path, *, ignore_errors: bool = False) -> None:
    """Remove a folder with its content; one that does not exist is no error.

    It is renamed first, so that no process ever finds a part of it. Links are removed, at ``path`` and inside; what
    they point to stays.

    Raises:
        OSError: It can't be removed, or not all of it, unless errors are ignored.
    """
    if path.is_symlink():
        remove_file(path, ignore_errors=ignore_errors)
    elif path.exists():
        aside = path
        if path.is_dir() and owner_of_leftover(path) is None:
            with suppress(OSError):  # a system may refuse to rename a folder with open files
                count_change()
                aside = path.rename(_temporary(path))
        count_change()
        shutil.rmtree(aside, ignore_errors=ignore_errors)


def check_can_write(folder: Path) -> None:
    """Make a folder and check that files can be written there.

    Raises:
        OSError: The folder can't be made, or no file can be written in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def cache_dir() -> Path:
    """Return the cache folder: ``REIDBENCH_CACHE`` if it is set, else the user's cache folder of the system."""
    import platformdirs

    given = os.environ.get("REIDBENCH_CACHE")
    return Path(given) if given else Path(platformdirs.user_cache_dir("reidbench"))


def _temporary(path: Path) -> Path:
    """Return a new name in the same folder, with the process id and a random token."""
    return path.with_name(f".{path.stem[:40]}.{os.getpid()}-{os.urandom(4).hex()}.tmp{path.suffix}")


def _flush(path: Path) -> None:
    """Wait until a file is on disk: after a power cut a renamed file could else be empty."""
    count_change()
    with path.open("rb" if os.name == "posix" else "rb+") as file:
        os.fsync(file.fileno())


def _flush_names(folder: Path) -> None:
    """Wait until the names of a folder's files are on disk, where a system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _put_in_place(temporary: Path, path: Path, keep: Callable[[Path], bool] | None) -> None:
    """Rename a folder to ``path``; an existing folder is set aside first, because a rename can't replace it."""
    contained = [file for file in temporary.rglob("*") if file.is_file() and not file.is_symlink()]
    with ThreadPoolExecutor(_FLUSHED_AT_ONCE) as pool:
        list(pool.map(_flush, contained))
    _flush_names(temporary)
    for attempt in range(_ATTEMPTS):
        if path.is_dir() and keep is not None and keep(path):
            return
        aside = _temporary(path)
        try:
            if path.is_dir():
                with suppress(FileNotFoundError):  # another process has just set it aside
                    count_change()
                    path.rename(aside)
            count_change()
            temporary.rename(path)
        except OSError:
            with suppress(OSError):
                aside.rename(path)  # fails if another process has put its folder there
            if attempt + 1 == _ATTEMPTS:
                raise
        else:
            return
        finally:
            remove_folder(aside, ignore_errors=True)
