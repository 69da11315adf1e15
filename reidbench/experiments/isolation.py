"""Run a job in a separate process, with another interpreter if wanted, so that other runs survive a crash.

The parent starts ``PYTHON -m reidbench.isolation FOLDER`` (:mod:`reidbench.experiments.worker`). The child reads the
job from ``FOLDER/asked.json``, makes the run, writes the run folder and then ``FOLDER/told.json`` with the path of the
record or the failure. If this file is missing, the parent derives the cause (a crash, a kill) from the exit status.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reidbench.data.encounters import MINUTES
from reidbench.data.memory import memory_bytes
from reidbench.data.sides import ANY
from reidbench.errors import ReidbenchError
from reidbench.files import temporary_folder, write_text
from reidbench.matching.pooling import IMAGE
from reidbench.records.failures import MethodFailure
from reidbench.records.job import Job
from reidbench.records.run_record import RunRecord, read_run

_GRACE_S = 5
"""Time in seconds between the request to end and the kill of a process."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """Interpreter and limits of the process of a run.

    Attributes:
        python: Interpreter of the run, with reidbench and the plugin installed; by default this one.
        timeout_s: Longest duration of a run in seconds; ``None`` is no limit.
        memory_gib: Largest memory of the process in GiB; ``None`` is no limit. It is only enforced on Linux.

    Raises:
        ReidbenchError: A limit is not above 0.
    """

    python: str | None = None
    timeout_s: float | None = None
    memory_gib: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("--timeout", self.timeout_s), ("--memory-limit", self.memory_gib)):
            if value is not None and not value > 0:
                raise ReidbenchError(f"a limit must be above 0, not {value:g}", where=f"{name} {value:g}",
                                     remedy="give a number above 0")  # fmt: skip


def run_isolated(
    job: Job, isolation: Isolation, *, runs_dir: Path, again: bool = False, plugins: Sequence[Path] = ()
) -> RunRecord:
    """Run a job in a separate process and return its record.

    Args:
        job: The run to make.
        isolation: Interpreter and limits of the process.
        runs_dir: Folder of runs.
        again: Repeat the run if it exists already.
        plugins: Plugin files.

    Raises:
        MethodFailure: The run failed or crashed, or exceeded a limit.
        ReidbenchError: The interpreter can't be started, or reidbench is not installed for it.
    """
    python = find_interpreter(isolation.python)
    request = {
        "job": {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(job).items()
            # The worker may be an earlier version, which knows no fields that have their default here.
            if (value or name not in ("unknown", "names", "columns", "bbox", "folders"))
            and (name, value) not in (("encounter_minutes", MINUTES), ("query", IMAGE), ("match_sides", ANY))
        },
        "runs_dir": str(runs_dir.absolute()),
        "again": again,
        "plugins": [str(path) for path in plugins],
        "memory_gib": isolation.memory_gib,
        "memory": memory_bytes(),
    }
    with temporary_folder("isolated") as folder:
        write_text(folder / "asked.json", json.dumps(request))
        # In a new session, so that its children can be ended with it. Its output goes to stderr, because stdout is for
        # results.
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
                f"{job.method} was stopped after {isolation.timeout_s:g} s",
                how="timeout",
                where=f"--timeout {isolation.timeout_s:g}",
                remedy="give it more time; extracted features are cached, so the same command continues from there",
            ) from None
        finally:  # after a timeout, after Ctrl-C, and for children that outlive the process
            _end(process)
        return _read_result(job, code, folder, isolation)


def find_interpreter(name: str | None) -> str:
    """Return the path of the interpreter to start.

    Args:
        name: Name or path of an interpreter; ``None`` is this one.

    Raises:
        ReidbenchError: There is no such interpreter, or reidbench is not installed for it.
    """
    if name is None:
        return sys.executable
    path = shutil.which(name)
    remedy = f"name an interpreter, and install reidbench and the plugin for it: {name} -m pip install reidbench"
    if path is None:
        raise ReidbenchError("there is no such interpreter", where=f"--python {name}", remedy=remedy)
    try:
        test = subprocess.run([path, "-c", "import reidbench.isolation"], capture_output=True, text=True, check=False)
    except (OSError, ValueError) as error:  # such as a text file that is marked as a program
        reason = getattr(error, "strerror", None) or str(error)
        raise ReidbenchError(
            f"this is not a Python interpreter: {reason}", where=f"--python {name}", remedy=remedy
        ) from error
    if test.returncode:
        reason = (test.stderr.strip().splitlines() or ["it can't be started"])[-1]
        raise ReidbenchError(f"this interpreter can't run methods: {reason}", where=f"--python {name}", remedy=remedy)
    return path


def _end(process: subprocess.Popen[bytes]) -> None:
    for request in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, request)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)


def _read_result(job: Job, code: int, folder: Path, isolation: Isolation) -> RunRecord:
    try:
        result = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _failure_without_result(job.method, code, isolation) from None
    if "failure" in result:
        failure = result["failure"]
        raise MethodFailure(failure.pop("message"), **{**failure, "plugin": tuple(failure["plugin"])})
    record = read_run(Path(result["record"]))
    if record is None:
        raise MethodFailure(f"{job.method} reported a finished run, but there is no record", how="crash")
    return record


def _failure_without_result(method: str, code: int, isolation: Isolation) -> MethodFailure:
    """Return the failure of a process that ended without writing a result, from its exit status."""
    if code >= 0:
        return MethodFailure(
            f"{method} ended its process with code {code} in the middle of the run", how="crash",
            remedy="read its output above; run it alone, without --isolate",
        )  # fmt: skip
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        limit = f", or it needed more than {isolation.memory_gib:g} GiB" if isolation.memory_gib else ""
        return MethodFailure(
            f"{method} was killed ({name}), probably because the system ran out of memory{limit}", how="memory",
            remedy="choose a smaller input size or model, or a machine with more memory",
        )  # fmt: skip
    return MethodFailure(
        f"{method} crashed ({name})", how="crash", remedy="read the stack above; fix or update the plugin"
    )
