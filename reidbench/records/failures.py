"""Runs that failed: a small record of each, so that a table can show the row and say why it has no numbers.

A failure stands beside the runs of its method as ``failed-ID.json``, and goes when the same run succeeds.
"""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from reidbench.errors import LoadError, ReidbenchError
from reidbench.files import explain_os_errors, remove_file, write_text
from reidbench.records.job import Job
from reidbench.records.run_record import run_dir

SCHEMA = 1

How = Literal["load", "error", "raised", "crash", "timeout", "memory"]
"""It can't be loaded; was refused, with a reason; raised; ended in the middle; took too long; or too much memory."""

_OUT_OF_MEMORY = ("can't allocate memory", "insufficient memory", "out of memory")


class MethodFailure(ReidbenchError):
    """A method failed, and no other run is touched by it.

    Args:
        message: What happened.
        how: Which kind of failure it is.
        plugin: Distribution and version, where they are known.
        trace: Traceback, for the record.
    """

    def __init__(
        self,
        message: str,
        *,
        how: How,
        where: str = "",
        remedy: str = "",
        plugin: tuple[str, str] = ("", ""),
        trace: str = "",
    ) -> None:
        super().__init__(message, where=where, remedy=remedy)
        self.how: How = how
        self.plugin = plugin
        self.trace = trace

    @classmethod
    def of(cls, error: BaseException, method: str, plugin: tuple[str, str] = ("", "")) -> MethodFailure:
        """Read what any error says as the failure of a method."""
        if isinstance(error, MethodFailure):
            error.plugin = error.plugin if any(error.plugin) else plugin
            return error
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, ReidbenchError):
            how: How = "load" if isinstance(error, LoadError) else "error"
            return cls(error.message, how=how, where=error.where, remedy=error.remedy, plugin=plugin)
        if isinstance(error, MemoryError) or any(text in str(error).lower() for text in _OUT_OF_MEMORY):
            remedy = "set a smaller input or model, or give it more memory"
            return cls(f"{method} ran out of memory: {_said(error)}", how="memory", remedy=remedy, plugin=plugin,
                       trace=trace)  # fmt: skip
        remedy = "run it alone, without --isolate, for its traceback"
        return cls(f"{method} raised {_said(error)}", how="raised", remedy=remedy, plugin=plugin, trace=trace)


@dataclass(frozen=True, slots=True)
class FailedRun:
    """What was to be run, and why there is no run.

    Attributes:
        method: As it was asked for.
        plugin: Distribution that offers it, empty where it is not known; ``version`` is its version.
        dataset: Name of the dataset, and ``dataset_digest`` its content.
        asked: Everything else that the run was asked: split, seeds, settings and so on.
        how: Kind of the failure; ``reason`` says it in words, ``remedy`` what to do.
        isolated: Whether it ran in a process of its own.
        trace: Traceback, where there is one.
        created: When, in UTC.
    """

    method: str
    plugin: str
    version: str
    dataset: str
    dataset_digest: str
    asked: Mapping[str, Any]
    how: How
    reason: str
    where: str = ""
    remedy: str = ""
    isolated: bool = False
    trace: str = ""
    created: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    @classmethod
    def of(cls, job: Job, dataset: tuple[str, str], failure: MethodFailure, *, isolated: bool) -> FailedRun:
        """Describe the failure of a job on a dataset, given by its name and digest."""
        return cls(
            job.method, *failure.plugin, *dataset, asked_of(job), failure.how, failure.message, failure.where,
            failure.remedy, isolated, failure.trace,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FailedRun:
        """Read what :meth:`to_json` wrote."""
        return cls(**{name: value for name, value in data.items() if name != "schema"})


def asked_of(job: Job) -> dict[str, Any]:
    """Return what a job asks besides method and dataset, as plain JSON values."""
    told = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(job).items()}
    return {name: value for name, value in told.items() if name not in ("method", "dataset", "root", "device")}


def write_failure(runs_dir: Path, failed: FailedRun) -> Path:
    """Write the record of a failure, and return its path.

    Raises:
        ReidbenchError: The record can't be written.
    """
    path = _path(runs_dir, failed.method, failed.dataset, failed.asked)
    with explain_os_errors(
        "the record of a failed run can't be written", where=str(path), remedy="make room, or choose a folder by --runs"
    ):
        write_text(path, json.dumps(failed.to_json(), indent=2, ensure_ascii=False) + "\n")
    return path


def forget_failure(runs_dir: Path, job: Job, dataset: str) -> None:
    """Remove the record of a job's failure, because the job succeeded.

    Raises:
        ReidbenchError: The record can't be removed.
    """
    path = _path(runs_dir, job.method, dataset, asked_of(job))
    with explain_os_errors("the record of a failed run can't be removed", where=str(path), remedy="delete the file"):
        remove_file(path)


def load_failures(runs_dir: Path, dataset: str | None = None) -> list[FailedRun]:
    """Return every failure below a folder of runs, in the order of their paths.

    Raises:
        ReidbenchError: A record can't be read.
    """
    found = []
    for path in sorted(runs_dir.glob("*/*/failed-*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']}")
            failed = FailedRun.from_json(data)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReidbenchError(
                f"the record of a failed run can't be read: {error}", where=str(path), remedy="delete the file"
            ) from error
        if dataset in (None, failed.dataset):
            found.append(failed)
    return found


def _path(runs_dir: Path, method: str, dataset: str, asked: Mapping[str, Any]) -> Path:
    told = json.dumps([method, dataset, asked], sort_keys=True, default=str)
    name = f"failed-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
    return run_dir(runs_dir, dataset, method.rpartition(":")[2], name)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
