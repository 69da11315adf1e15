"""The separate process of one isolated run: it reads the job from a folder and writes the result there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from reidbench.data.memory import memory_budget
from reidbench.errors import ReidbenchError
from reidbench.files import write_text
from reidbench.progress import plain_console, print_error
from reidbench.records.failures import MethodFailure
from reidbench.records.job import Job

_GIB = 1 << 30


def work(folder: Path) -> None:
    """Make the run of the job in ``asked.json`` and write the result to ``told.json``.

    Args:
        folder: Folder of both files. Their names and keys must not change, because parent and child may have different
            versions of reidbench.
    """
    request = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    _limit_memory(request["memory_gib"])
    job = Job.from_json(request["job"])
    plugin = ("", "")
    result: dict[str, Any]
    try:
        from reidbench.experiments.one_job import evaluate_job  # after the memory limit, so that it holds for imports
        from reidbench.registry.registered import load_registry

        registry = load_registry(files=request["plugins"])
        offer = registry.find(job.method)
        plugin = (offer.distribution, offer.version)
        with memory_budget(request.get("memory")):  # an earlier version does not send it
            record = evaluate_job(job, registry, runs_dir=Path(request["runs_dir"]), again=request["again"])
        result = {"record": str(record.path)}
    except (Exception, SystemExit) as raised:  # the parent handles every failure
        error: BaseException = raised
        if request["memory_gib"] is not None and isinstance(raised, SystemError):
            # If C code gets no memory, as in torch's import, it may raise SystemError without a reason.
            reason = f"{request['memory_gib']:g} GiB were not enough"
            error = MemoryError(reason).with_traceback(raised.__traceback__)
        failure = MethodFailure.of(error, job.method, plugin)
        keys = ("message", "how", "where", "remedy", "plugin", "trace")
        result = {"failure": {key: getattr(failure, key) for key in keys}}
    try:
        write_text(folder / "told.json", json.dumps(result) + "\n")
    except OSError as error:
        print_error(
            ReidbenchError(
                f"the result of the separate process can't be written: {error.strerror or error}",
                where=str(folder),
                remedy="make room, or name another folder: TMPDIR=DIR reidbench …; a finished run is kept",
            ),
            plain_console(stderr=True),
        )
        sys.exit(1)


def _limit_memory(gib: float | None) -> None:
    """Limit the memory of this process; an allocation beyond the limit raises ``MemoryError``."""
    if gib is None:
        return
    try:
        import resource
    except ImportError:  # not on Windows
        return
    # The data segment, not the address space, because a GPU's driver reserves far more address space than it uses.
    resource.setrlimit(resource.RLIMIT_DATA, (int(gib * _GIB), int(gib * _GIB)))
