"""A method in a plain Python file, without packaging: ``--plugin my_method.py``.

A file has no release, so its bytes are its version: their SHA-256 stands in the record, in the run's id and in the key
of whatever is cached. It has to stand alone, since the digest of one file says nothing of others beside it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from reidbench.errors import ReidbenchError


@dataclass(frozen=True, slots=True)
class FileDistribution:
    """What stands for a distribution: the file's name, and the digest of its bytes."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A file in the place of an installed entry point.

    Attributes:
        path: The file.
        source: Its bytes, read once: what is hashed is what is run.
    """

    path: Path
    source: bytes

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def value(self) -> str:
        return str(self.path)

    @property
    def dist(self) -> FileDistribution:
        return FileDistribution(self.path.name, hashlib.sha256(self.source).hexdigest())

    def load(self) -> ModuleType:
        """Run the file as a module, once for each content."""
        name = f"reidbench_file_{self.dist.version[:16]}_{self.path.stem}"
        if name in sys.modules:
            return sys.modules[name]
        module = ModuleType(name)
        module.__file__ = str(self.path)
        sys.modules[name] = module  # pydantic and dataclasses look annotations up there
        try:
            exec(compile(self.source, self.path, "exec"), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        return module


def read_plugin_files(paths: Iterable[Path | str]) -> list[PluginFile]:
    """Read plugin files.

    Raises:
        ReidbenchError: A file can't be read, or two have one name and could not be told apart.
    """
    files: dict[str, PluginFile] = {}
    for path in map(Path, paths):
        try:
            source = path.read_bytes()
        except OSError as error:
            raise ReidbenchError(
                f"the plugin can't be read: {error.strerror or error}",
                where=f"--plugin {path}",
                remedy="name a Python file; a plugin that is installed needs no --plugin",
            ) from error
        before = files.get(path.name)
        if before is not None and before.source != source:
            raise ReidbenchError(
                f"two plugins are called {path.name}: {before.path} and {path}",
                where=f"--plugin {path}",
                remedy="rename one of them",
            )
        files[path.name] = PluginFile(path, source)
    return list(files.values())
