"""Observe the side effects of a method: written files, network access, changed global state and memory.

Python reports opened files, sockets and unpickled classes to audit hooks. A hook cannot be removed, so one hook is
added at the first observation and does nothing outside of observations.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_WRITES = {
    "os.mkdir": (0, 2),
    "os.rename": (1, 3),
    "os.remove": (0, 1),
    "os.rmdir": (0, 1),
    "os.symlink": (1, 2),
    "os.link": (1, 3),
    "os.truncate": (0, None),
}
"""Audit events that change the file system, with the argument numbers of the path and of its folder descriptor."""
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_SET_BY_OTHERS = ("QT_", "OPENCV_", "KMP_", "TORCHINDUCTOR_", "TOKENIZERS_", "PYTEST_")
"""First characters of environment variables that libraries set when they are imported."""
_FIRST_FEW = 3
OWN_FOLDER = "reidbench-check-"
"""First characters of the kit's temporary folders; the garbage collector may delete an earlier one at any time."""


@dataclass(slots=True)
class Watch:
    """Records side effects during stages. The dicts are ordered sets of texts.

    Attributes:
        allowed: Folders in which a method may write.
        writes: Paths that were written outside these folders.
        hosts: Hosts that a stage tried to reach without permission, such as ``huggingface.co in score``.
        pickles: Classes that were unpickled.
        seeds: Global random generators that a stage changed, such as ``numpy in represent``.
        state: Other global state that a stage changed, such as ``the working folder in fit``.
        memory_mib: Largest additional memory of a stage in MiB; ``None`` if the system does not report it.
    """

    allowed: tuple[Path, ...]
    writes: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    pickles: dict[str, None] = field(default_factory=dict)
    seeds: dict[str, None] = field(default_factory=dict)
    state: dict[str, None] = field(default_factory=dict)
    memory_mib: float | None = None
    _stage: str = ""

    @contextlib.contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Observe one stage, then restore the global state of the process."""
        global _watch
        _add_hook()
        generators = {name: read() for name, (read, _) in _GENERATORS.items()}
        process, environment, folder = _process_state(), dict(os.environ), Path.cwd()
        self._stage, start = stage, _begin_memory()
        _watch, outer = self, _watch
        try:
            yield
        finally:
            _watch = outer
            self._record_memory(start)
            self._compare(stage, generators, process)
            for name, (_, write) in _GENERATORS.items():
                if generators[name] is not None:
                    write(generators[name])
            for name in _own_variables():
                if name not in environment:
                    del os.environ[name]
            os.environ.update(environment)
            os.chdir(folder)

    def record(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record one audit event.

        Raises:
            OSError: The stage may not use the network. Only prepare may, and only if ``HF_HUB_OFFLINE`` is not set.
        """
        if event == "open":
            path, mode, flags = arguments
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITE_FLAGS):
                self._record_write(path)
        elif event in _WRITES:
            path, folder = _WRITES[event]
            self._record_write(arguments[path], -1 if folder is None else arguments[folder])
        elif event in ("socket.connect", "socket.getaddrinfo"):
            self._record_host(arguments[1] if event == "socket.connect" else arguments[0])
        elif event == "pickle.find_class" and not _inside_multiprocessing():
            self.pickles[".".join(map(str, arguments))] = None

    def _record_write(self, path: Any, folder: int = -1) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor: the opening of its file was recorded
        absolute = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - resolve() would follow links
        if folder >= 0 and not Path(os.fsdecode(path)).is_absolute():  # shutil.rmtree gives paths inside a descriptor
            start = Path(f"/proc/self/fd/{folder}")
            if not start.exists():
                return  # this system does not give the path of a descriptor
            absolute = start.resolve() / os.fsdecode(path)
        if any(part.startswith(OWN_FOLDER) for part in absolute.parts):
            return
        if "__pycache__" in absolute.parts or absolute.is_relative_to("/dev") or absolute.is_relative_to("/proc"):
            return
        if not any(absolute.is_relative_to(allowed) for allowed in self.allowed):
            self.writes[str(absolute)] = None

    def _record_host(self, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else address
        if isinstance(host, bytes):
            host = os.fsdecode(host)
        if (
            host is None
            or not isinstance(host, str)
            or host.startswith(("/", "127.", "\0"))
            or host in ("localhost", "::1", "")
        ):
            return  # this machine: worker processes communicate in this way
        if self._stage == "prepare" and not os.environ.get("HF_HUB_OFFLINE"):
            return
        self.hosts[f"{host} in {self._stage}"] = None
        raise OSError(f"no network is allowed in {self._stage}: {host}")

    def _record_memory(self, start: float | None) -> None:
        peak = _memory("VmHWM")
        if start is not None and peak is not None:
            self.memory_mib = max(self.memory_mib or 0.0, peak - start)

    def _compare(self, stage: str, before: dict[str, Any], process: dict[str, Any]) -> None:
        for name, (read, _) in _GENERATORS.items():
            after = read()
            if before[name] is not None and not _same(before[name], after):
                self.seeds[f"{name} in {stage}"] = None
        now = _process_state()
        for name in process | now:
            first_import = name not in process and not name.startswith("the environment")  # this stage imported torch
            if not first_import and now.get(name) != process.get(name):
                self.state[f"{name} in {stage}"] = None


def first_few(items: dict[str, None]) -> str:
    """Return the first three items and the number of the others, as one text."""
    texts = list(items)
    more = f" and {len(texts) - _FIRST_FEW} more" if len(texts) > _FIRST_FEW else ""
    return ", ".join(texts[:_FIRST_FEW]) + more


def write_folders(work_dir: Path) -> tuple[Path, ...]:
    """Return the folders in which a method may write: its work folder and the caches of reidbench and of weights."""
    from reidbench.files import cache_dir

    home = Path.home() / ".cache"
    configured = [os.environ[name] for name in ("HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME") if os.environ.get(name)]
    return (work_dir, cache_dir().absolute(), home, *map(Path, configured))


@contextlib.contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Create temporary files in a folder inside the context, so that they are known to come from the method."""
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


_watch: Watch | None = None
_hooked = False


def _add_hook() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch is not None:
        _watch.record(event, arguments)


def _torch() -> Any:
    return sys.modules.get("torch")


def _torch_state() -> Any:
    torch = _torch()
    return None if torch is None or not hasattr(torch, "get_rng_state") else torch.get_rng_state()


_GENERATORS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "random": (random.getstate, random.setstate),
    "numpy": (lambda: np.random.get_state(legacy=False), np.random.set_state),
    "torch": (_torch_state, lambda state: _torch().set_rng_state(state)),
}
"""Global random generators of the process: functions that read and restore their states."""


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, dict):  # numpy's
        return all(_same(value, after[name]) for name, value in before.items())
    if hasattr(before, "tolist"):
        return bool(np.array_equal(np.asarray(before), np.asarray(after)))
    return bool(before == after)


def _process_state() -> dict[str, Any]:
    state: dict[str, Any] = {"the working folder": str(Path.cwd()), "numpy's error handling": np.geterr()}
    state |= {f"the environment variable {name}": os.environ[name] for name in _own_variables()}
    torch = _torch()
    if torch is not None and hasattr(torch, "get_default_dtype"):
        state["torch's default dtype"] = torch.get_default_dtype()
        state["torch's gradient mode"] = torch.is_grad_enabled()
        state["torch's threads"] = torch.get_num_threads()
        state["torch's deterministic mode"] = torch.are_deterministic_algorithms_enabled()
        state["cuDNN's flags"] = (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)
    return state


def _own_variables() -> list[str]:
    return [name for name in os.environ if not name.startswith(_SET_BY_OTHERS)]


def _inside_multiprocessing() -> bool:
    """Whether the caller is multiprocessing, which transfers results between processes by pickles."""
    frame = sys._getframe()
    while frame is not None:
        if "multiprocessing" in str(frame.f_globals.get("__name__", "")):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _begin_memory() -> float | None:
    """Reset the peak memory of the process to its current memory; return that in MiB, or ``None`` if not possible."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux, or no permission
        return None
    return _memory("VmRSS")


def _memory(name: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return None
