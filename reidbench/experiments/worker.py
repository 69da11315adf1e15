"""The process that does one isolated run: reads what is asked from its folder and leaves a line about the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reidbench.files import write_text
from reidbench.records.failures import MethodFailure
from reidbench.records.job import Job

_GIB = 1 << 30


def work(folder: Path) -> None:
    """Do the run that ``asked.json`` asks for and leave a line about it."""
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    _limit_memory(asked["memory_gib"])
    job = Job.from_json(asked["job"])
    plugin = ("", "")
    told: dict[str, Any]
    try:
        from reidbench.experiments.one_job import evaluate_job  # a memory limit shall hold for this import too
        from reidbench.registry.registered import load_registry

        registry = load_registry(files=asked["plugins"])
        offer = registry.find(job.method)
        plugin = (offer.distribution, offer.version)
        record = evaluate_job(job, registry, runs_dir=Path(asked["runs_dir"]), again=asked["again"])
        told = {"record": str(record.path)}
    except (Exception, SystemExit) as raised:  # the parent decides what it means
        error: BaseException = raised
        if asked["memory_gib"] is not None and isinstance(raised, SystemError):
            # C code that is refused memory, torch's import for one, may fail without saying why.
            told_why = f"{asked['memory_gib']:g} GiB were too few"
            error = MemoryError(told_why).with_traceback(raised.__traceback__)
        failure = MethodFailure.of(error, job.method, plugin)
        keys = ("message", "how", "where", "remedy", "plugin", "trace")
        told = {"failure": {key: getattr(failure, key) for key in keys}}
    write_text(folder / "told.json", json.dumps(told) + "\n")


def _limit_memory(gib: float | None) -> None:
    """Refuse this process more memory than that: what asks for more gets ``MemoryError``."""
    if gib is None:
        return
    try:
        import resource
    except ImportError:  # not on Windows
        return
    # Not the address space: a GPU's driver reserves far more of that than it uses.
    resource.setrlimit(resource.RLIMIT_DATA, (int(gib * _GIB), int(gib * _GIB)))
