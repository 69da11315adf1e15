"""Find saved runs below a folder: one by its name, or all of them.

A record that cannot be read never hides the other runs: :func:`list_runs` names it next to them. Only
:func:`load_runs`, which is public, raises its error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.records.run_record import RunRecord, read_run

_RECORDS = "*/*/*/run.json"
"""Place of records below a folder of runs: dataset, method, id."""


@dataclass(frozen=True, slots=True)
class UnreadableRun:
    """A run folder whose record cannot be read.

    Attributes:
        path: The folder.
        reason: Why the record cannot be read.
        remedy: Advice for the user.
    """

    path: Path
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"left out: {self.path}: {self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True, eq=False)
class FoundRuns:
    """The finished runs below a folder.

    Attributes:
        records: Every run whose record can be read, in the order of their paths.
        unreadable: The other runs, in the order of their paths.
    """

    records: Sequence[RunRecord]
    unreadable: Sequence[UnreadableRun] = ()


def list_runs(runs_dir: str | Path) -> FoundRuns:
    """Return every finished run below a folder, with those that cannot be read; raises nothing for a record."""
    records: list[RunRecord] = []
    unreadable: list[UnreadableRun] = []
    for path in _record_paths(runs_dir):
        try:
            record = read_run(path.parent)
        except ReidbenchError as error:
            unreadable.append(UnreadableRun(path.parent, error.message, error.remedy))
        else:
            records += [record] if record is not None else []
    return FoundRuns(records, unreadable)


def load_runs(runs_dir: str | Path) -> list[RunRecord]:
    """Return every finished run below a folder, in the order of their paths.

    Raises:
        ReidbenchError: A record cannot be read. :func:`list_runs` names such a run and returns the others.
    """
    records = (read_run(path.parent) for path in _record_paths(runs_dir))
    return [record for record in records if record is not None]


def find_run(name: str | Path, runs_dir: str | Path = "runs") -> RunRecord:
    """Return one run.

    Args:
        name: Folder of the run, its id, or the first characters of its id.
        runs_dir: Folder that is searched for an id.

    Raises:
        ReidbenchError: There is no such run, its record cannot be read, or several ids begin with ``name``.
    """
    if (record := read_run(Path(name))) is not None:
        return record
    runs = list_runs(runs_dir)
    matches = [run for run in runs.records if run.id == str(name)]
    matches = matches or [run for run in runs.records if run.id.startswith(str(name))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(f"{run.id} ({run.method})" for run in matches[:5])
        raise ReidbenchError(
            f"'{name}' begins the id of several runs: {listed}",
            where=f"--runs {runs_dir}",
            remedy="write more of the id, or name the run's folder",
        )
    unreadable = next((run for run in runs.unreadable if run.path.name.startswith(str(name))), None)
    if unreadable is not None:
        raise ReidbenchError(unreadable.reason, where=str(unreadable.path / "run.json"), remedy=unreadable.remedy)
    raise ReidbenchError(
        f"there is no finished run '{name}'",
        where=f"--runs {runs_dir}",
        remedy="name a run's folder (reidbench run prints it) or the id that is its last part",
    )


def _record_paths(runs_dir: str | Path) -> list[Path]:
    return sorted(Path(runs_dir).glob(_RECORDS))
