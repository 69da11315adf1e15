"""Records of runs that failed, so that tables can show them with the reason.

A failure is the file ``failed-ID.json`` next to the runs of its method. It is removed when the same run succeeds.
"""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from reidbench.data.encounters import MINUTES
from reidbench.errors import LoadError, ReidbenchError
from reidbench.files import disk_error, explain_os_errors, remove_file, write_text
from reidbench.records.finding import UnreadableRun
from reidbench.records.job import Job
from reidbench.records.json_object import JsonObject
from reidbench.records.run_record import run_dir
from reidbench.untrusted.reading import parse_json, read_regular
from reidbench.untrusted.text import json_text

How = Literal["load", "error", "raised", "crash", "timeout", "memory"]
"""Not loaded, refused with a reason, raised an exception, process ended, ran too long, or ran out of memory."""

_OUT_OF_MEMORY = ("can't allocate memory", "insufficient memory", "out of memory")


class MethodFailure(ReidbenchError):
    """A method failed; other runs continue.

    Args:
        message: What happened.
        how: Which kind of failure it is.
        plugin: Distribution and version, empty if unknown.
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
        """Return any error as the failure of a method."""
        if isinstance(error, MethodFailure):
            error.plugin = error.plugin if any(error.plugin) else plugin
            return error
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, ReidbenchError):
            how: How = "load" if isinstance(error, LoadError) else "error"
            return cls(error.message, how=how, where=error.where, remedy=error.remedy, plugin=plugin)
        of_disk = disk_error(error) if isinstance(error, OSError) else None
        if of_disk is not None:
            return cls(of_disk.message, how="error", where=of_disk.where, remedy=of_disk.remedy, plugin=plugin)
        if isinstance(error, MemoryError) or any(text in str(error).lower() for text in _OUT_OF_MEMORY):
            remedy = "set a smaller input or model, or give it more memory"
            return cls(f"{method} ran out of memory: {_described(error)}", how="memory", remedy=remedy, plugin=plugin,
                       trace=trace)  # fmt: skip
        remedy = "run it alone, without --isolate, for its traceback"
        return cls(f"{method} raised {_described(error)}", how="raised", remedy=remedy, plugin=plugin, trace=trace)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class FailedRun(JsonObject):
    """The record of a run that failed."""

    schema_version: Literal[1] = Field(1, alias="schema")
    """Version of this layout."""
    method: str
    """Method as given."""
    plugin: str
    """Distribution that offers it; empty if unknown."""
    version: str
    """Version of the distribution; empty if unknown."""
    dataset: str
    """Name of the dataset."""
    dataset_digest: str
    """Digest of the images."""
    asked: Mapping[str, Any]
    """The other inputs of the run: split, seeds, settings and so on."""
    how: How
    """Kind of the failure."""
    reason: str
    """What happened."""
    where: str = ""
    """File or option that caused it."""
    remedy: str = ""
    """Advice for the user."""
    isolated: bool = False
    """Whether the method ran in a separate process."""
    trace: str = ""
    """Traceback, if there is one."""
    created: str = Field(default_factory=_now)
    """Time of writing, in UTC."""

    @classmethod
    def of(cls, job: Job, dataset: tuple[str, str], failure: MethodFailure, *, isolated: bool) -> FailedRun:
        """Describe the failure of a job on a dataset, given by its name and digest."""
        plugin, version = failure.plugin
        name, digest = dataset
        return cls(
            method=job.method,
            plugin=plugin,
            version=version,
            dataset=name,
            dataset_digest=digest,
            asked=asked_of(job),
            how=failure.how,
            reason=failure.message,
            where=failure.where,
            remedy=failure.remedy,
            isolated=isolated,
            trace=failure.trace,
        )


@dataclass(frozen=True, slots=True, eq=False)
class FoundFailures:
    """The records of failed runs below a folder.

    Attributes:
        failures: Every record that can be read, in the order of their paths.
        unreadable: The other records, in the order of their paths.
    """

    failures: Sequence[FailedRun] = ()
    unreadable: Sequence[UnreadableRun] = ()


def asked_of(job: Job) -> dict[str, Any]:
    """Return the inputs of a job besides method and dataset, as plain JSON values."""
    values = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(job).items()}
    for name in ("unknown", "names", "columns", "bbox", "folders"):  # records of earlier versions lack them
        if not values[name]:
            del values[name]
    if values["encounter_minutes"] == MINUTES:
        del values["encounter_minutes"]
    return {name: value for name, value in values.items() if name not in ("method", "dataset", "root", "device")}


def write_failure(runs_dir: Path, failed: FailedRun) -> Path:
    """Write the record of a failure, and return its path.

    Raises:
        ReidbenchError: The record can't be written.
    """
    path = _path(runs_dir, failed.method, failed.dataset, failed.asked)
    with explain_os_errors(
        "the record of a failed run can't be written", where=str(path), remedy="make room, or choose a folder by --runs"
    ):
        write_text(path, json_text(failed.to_json(), indent=2) + "\n")
    return path


def forget_failure(runs_dir: Path, job: Job, dataset: str) -> None:
    """Remove the record of a job's failure, because the job succeeded.

    Raises:
        ReidbenchError: The record can't be removed.
    """
    path = _path(runs_dir, job.method, dataset, asked_of(job))
    with explain_os_errors("the record of a failed run can't be removed", where=str(path), remedy="delete the file"):
        remove_file(path)


def list_failures(runs_dir: Path, dataset: str | None = None) -> FoundFailures:
    """Return the records of all failed runs below a folder, with those that cannot be read.

    Args:
        runs_dir: The folder.
        dataset: Return failures on this dataset only.
    """
    failures: list[FailedRun] = []
    unreadable: list[UnreadableRun] = []
    for path in sorted(runs_dir.glob("*/*/failed-*.json")):
        try:
            failures.append(FailedRun.model_validate(parse_json(read_regular(path))))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            unreadable.append(UnreadableRun(path, f"{field}: {first['msg']}".removeprefix(": "), "delete the file"))
        except OSError as error:
            unreadable.append(UnreadableRun(path, error.strerror or str(error), "delete the file"))
        except ValueError as error:
            unreadable.append(UnreadableRun(path, str(error), "delete the file"))
    return FoundFailures([each for each in failures if dataset in (None, each.dataset)], unreadable)


def _path(runs_dir: Path, method: str, dataset: str, asked: Mapping[str, Any]) -> Path:
    text = json.dumps([method, dataset, asked], sort_keys=True, default=str)
    name = f"failed-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    return run_dir(runs_dir, dataset, method.rpartition(":")[2], name)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
