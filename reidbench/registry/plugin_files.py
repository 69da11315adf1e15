"""Plugins in single Python files, without a package: ``--plugin my_method.py``.

A file has no version number, so the SHA-256 digest of its bytes is its version. The digest is part of the run record,
the run id and the cache keys. The file must not import other files of its folder, because they are not part of the
digest.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from reidbench.errors import ReidbenchError
from reidbench.untrusted.reading import read_regular


@dataclass(frozen=True, slots=True)
class FileDistribution:
    """Name and version of a plugin file, in place of those of an installed distribution.

    Attributes:
        name: Name of the file.
        version: SHA-256 digest of its bytes.
    """

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A plugin file with the interface of an installed entry point.

    Attributes:
        path: Path of the file.
        source: Bytes of the file. They are read once, so that the digest belongs to the code that runs.
    """

    path: Path
    source: bytes

    @property
    def name(self) -> str:
        """Name of the file without its extension."""
        return self.path.stem

    @property
    def value(self) -> str:
        """Path of the file, as text."""
        return str(self.path)

    @property
    def dist(self) -> FileDistribution:
        """Name and version of the plugin."""
        return FileDistribution(self.path.name, hashlib.sha256(self.source).hexdigest())

    def load(self) -> ModuleType:
        """Execute the file as a module; a file with the same content is executed only once."""
        name = f"reidbench_file_{self.dist.version[:16]}_{self.path.stem}"
        if name in sys.modules:
            return sys.modules[name]
        module = ModuleType(name)
        module.__file__ = str(self.path)
        sys.modules[name] = module  # pydantic and dataclasses look up annotations in it
        try:
            exec(compile(self.source, self.path, "exec"), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        return module


def read_plugin_files(paths: Iterable[Path | str]) -> list[PluginFile]:
    """Read plugin files.

    Raises:
        ReidbenchError: A file can't be read, or two different files have the same name.
    """
    files: dict[str, PluginFile] = {}
    for path in map(Path, paths):
        try:
            source = read_regular(path)
        except OSError as error:
            raise ReidbenchError(
                f"the plugin can't be read: {error.strerror or error}",
                where=f"--plugin {path}",
                remedy="give the path of a Python file; an installed plugin does not need --plugin",
            ) from error
        namesake = files.get(path.name)
        if namesake is not None and namesake.source != source:
            raise ReidbenchError(
                f"two plugins are called {path.name}: {namesake.path} and {path}",
                where=f"--plugin {path}",
                remedy="rename one of them",
            )
        files[path.name] = PluginFile(path, source)
    return list(files.values())
