"""Files that commands are asked to write: whole or not at all, and one message where they can't be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reidbench.errors import ReidbenchError


@contextmanager
def whole_file(path: Path, what: str, option: str = "--output") -> Iterator[Path]:
    r"""Give a temporary path beside a file; it takes the file's place when all is written.

    Args:
        path: The file; its folder is made where it is not there.
        what: What is written, as the message says it: ``report``.
        option: Where the user named the file.

    Raises:
        ReidbenchError: It can't be written; what stood there stands.

    Example:
        >>> with whole_file(Path("answers.csv"), "answers") as temporary:  # doctest: +SKIP
        ...     temporary.write_text("image_id,identity\n")
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise ReidbenchError(
            f"the {what} can't be written: {error.strerror or error}",
            where=f"{option} {path}",
            remedy="name a file that can be written",
        ) from error
    finally:
        with suppress(OSError):  # its folder may be no folder
            temporary.unlink(missing_ok=True)


def cache_dir() -> Path:
    """Return the cache folder: ``REIDBENCH_CACHE``, else the user's own."""
    import platformdirs

    given = os.environ.get("REIDBENCH_CACHE")
    return Path(given) if given else Path(platformdirs.user_cache_dir("reidbench"))
