"""Run a job in a separate process, and in another interpreter on request, so that a failure costs one row.

The parent starts ``PYTHON -m reidbench.isolation FOLDER`` (:mod:`reidbench.experiments.worker`). The child reads the
job from ``FOLDER/asked.json``, does the whole run, writes the same run folder as any run, and leaves one line in
``FOLDER/told.json``: the path of the record, or the failure. If there is no such line (a crash, a hang, a kill), the
parent reads the cause from the exit status.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.files import write_text
from reidbench.records.failures import MethodFailure
from reidbench.records.job import Job
from reidbench.records.run_record import RunRecord, read_run

_GRACE_S = 5
"""What a process that is told to end may take before it is killed."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """How a run is kept apart.

    Attributes:
        python: Interpreter that runs it; by default this one. It needs reidbench and the plugin.
        timeout_s: Most seconds that a run may take.
        memory_gib: Most memory that its process may ask for, in GiB; only Linux holds it to that.
    """

    python: str | None = None
    timeout_s: float | None = None
    memory_gib: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("--timeout", self.timeout_s), ("--memory", self.memory_gib)):
            if value is not None and not value > 0:
                raise ReidbenchError(f"{value:g} leaves nothing to run in", where=f"{name} {value:g}",
                                     remedy="give a number above 0")  # fmt: skip


def run_isolated(
    job: Job, isolation: Isolation, *, runs_dir: Path, again: bool = False, plugins: Sequence[Path] = ()
) -> RunRecord:
    """Run a job in a process of its own and read its record back.

    Args:
        job: What to run.
        isolation: Interpreter and limits.
        runs_dir: Where run folders are kept.
        again: Repeat a run that stands already.
        plugins: Plugins in plain files.

    Raises:
        MethodFailure: It failed, crashed, took too long or too much memory.
        ReidbenchError: The interpreter can't be started, or has no reidbench.
    """
    python = find_interpreter(isolation.python)
    asked = {
        "job": {name: str(value) if isinstance(value, Path) else value for name, value in asdict(job).items()},
        "runs_dir": str(runs_dir.absolute()),
        "again": again,
        "plugins": [str(path) for path in plugins],
        "memory_gib": isolation.memory_gib,
    }
    with tempfile.TemporaryDirectory(prefix="reidbench-") as temporary:
        folder = Path(temporary)
        write_text(folder / "asked.json", json.dumps(asked))
        # Its own session, so that all it starts can be ended; what it prints goes to stderr, for results are ours.
        process = subprocess.Popen(
            [python, "-X", "faulthandler", "-m", "reidbench.isolation", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=2,
            start_new_session=True,
        )
        try:
            code = process.wait(isolation.timeout_s)
        except subprocess.TimeoutExpired:
            raise MethodFailure(
                f"{job.method} was ended after {isolation.timeout_s:g} s",
                how="timeout",
                where=f"--timeout {isolation.timeout_s:g}",
                remedy="allow it more time; what it extracted is kept, and the same command goes on from there",
            ) from None
        finally:  # on time-out, on Ctrl-C, and for workers that outlive their parent
            _end(process)
        return _read(job, code, folder, isolation)


def find_interpreter(given: str | None) -> str:
    """Return the interpreter to start.

    Raises:
        ReidbenchError: There is none of that name, or it has no reidbench.
    """
    if given is None:
        return sys.executable
    found = shutil.which(given)
    remedy = f"name an interpreter, and install reidbench and the plugin for it: {given} -m pip install reidbench"
    if found is None:
        raise ReidbenchError("there is no such interpreter", where=f"--python {given}", remedy=remedy)
    done = subprocess.run([found, "-c", "import reidbench.isolation"], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it can't be started"])[-1]
        raise ReidbenchError(f"this interpreter can't run methods: {reason}", where=f"--python {given}", remedy=remedy)
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    for told in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, told)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)


def _read(job: Job, code: int, folder: Path, isolation: Isolation) -> RunRecord:
    try:
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _silent_end(job.method, code, isolation) from None
    if "failure" in told:
        failure = told["failure"]
        raise MethodFailure(failure.pop("message"), **{**failure, "plugin": tuple(failure["plugin"])})
    record = read_run(Path(told["record"]))
    if record is None:
        raise MethodFailure(f"{job.method} said that it had finished and left no record", how="crash")
    return record


def _silent_end(method: str, code: int, isolation: Isolation) -> MethodFailure:
    """Say what ended a process that left no word."""
    if code >= 0:
        return MethodFailure(
            f"{method} ended its process with code {code} in the middle of the run", how="crash",
            remedy="what it printed stands above; run it alone",
        )  # fmt: skip
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        limit = f", or gave it more than {isolation.memory_gib:g} GiB" if isolation.memory_gib else ""
        return MethodFailure(
            f"{method} was killed ({name}): the system does so where memory is exhausted{limit}", how="memory",
            remedy="set a smaller input or model, or run it where there is more memory",
        )  # fmt: skip
    return MethodFailure(
        f"{method} crashed ({name})", how="crash", remedy="the stack stands above; mend or update the plugin"
    )
