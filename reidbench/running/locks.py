"""Locks between processes. They are those of the operating system, so they end with the process that holds them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock

_NO_LOCK = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR)
"""Errors of a lock in a folder that can't be written, or that another process has removed."""


@contextmanager
def held(lock: BaseFileLock | Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock; a folder that can't be written needs none, because no process changes it.

    Args:
        lock: A lock, which its owner can take again, or a file for a new one; the folder is made if it does not exist.
        waiting: Called if another process holds the lock, before waiting for it.

    Raises:
        OSError: The lock can't be taken, for instance because too many files are open.
    """
    if isinstance(lock, Path):
        with suppress(OSError):  # reported when something is written in the folder
            lock.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock)
    try:
        try:
            lock.acquire(timeout=0)
        except TimeoutError:
            waiting()
            lock.acquire()
    except OSError as error:
        if error.errno not in _NO_LOCK:
            raise
        yield
        return
    try:
        yield
    finally:
        lock.release()
