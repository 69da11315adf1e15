"""A run's record on disk, and back: ``RUNS/<dataset>/<method>/<id>/``.

``run.json`` is written last and renamed into place, so a folder that has one is complete. Everything that
tables and reports show is read from here, never from a model.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.csv_files import write_csv
from reidbench.errors import ReidbenchError
from reidbench.files import check_can_write, copy_file, explain_os_errors, remove_folder, whole_file, write_text
from reidbench.records.migrations import migrate


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """A finished run: its folder and the content of its ``run.json``."""

    path: Path
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def method(self) -> str:
        return str(self.data["method"])

    @property
    def dataset(self) -> str:
        return str(self.data["dataset"]["name"])

    @property
    def seed(self) -> int:
        return int(self.data["seed"])

    @property
    def split_seed(self) -> int | None:
        seed = self.data["split"]["seed"]
        return None if seed is None else int(seed)

    @property
    def split_digest(self) -> str:
        return str(self.data["split"]["digest"])

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Metrics of the test episode over all groups."""
        overall: Mapping[str, Any] = self.data["metrics"]["test"]["overall"]
        return overall


@dataclass(frozen=True, slots=True, eq=False)
class RunFiles:
    """What a run leaves besides ``run.json``."""

    split_rows: Sequence[tuple[str, str]]
    prediction_rows: Sequence[Mapping[str, Any]]
    arrays: Mapping[str, NDArray[Any]]


PREDICTION_COLUMNS = ("image_id", "identity", "score", "threshold", "candidate", "group", "part")


def run_dir(runs_dir: Path, dataset: str, method: str, run_id: str) -> Path:
    """Return the folder of a run; names that a file system would mind are written plainly."""
    return runs_dir / _plain(dataset) / _plain(method) / run_id


def question_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run was asked, from its record: all that its id is a digest of, nothing of the answer."""
    return {
        "method": data["method"],
        "plugin": data["plugin"],
        "settings": data["settings"]["effective"],
        "weights": data["weights"],
        "parts": data["parts"],
        "dataset": data["dataset"]["digest"],
        "split": data["split"]["digest"],
        "seed": data["seed"],
        "gallery": data["gallery"],
        "threshold": data["threshold"]["asked"],
    }


def run_id_of(question: Mapping[str, Any]) -> str:
    """Return the id of the run that answers a question."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


_OBJECTS = ("dataset", "split", "settings", "threshold", "metrics")
"""What the record of every schema holds and no reader does without."""


def read_run(path: Path) -> RunRecord | None:
    """Return the record in a run folder, or ``None`` where no run was finished."""
    record_path = path / "run.json"
    try:
        data = json.loads(record_path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # torn, empty, not JSON, not even text
        raise ReidbenchError(
            f"a run record can't be read: {error}", where=str(record_path), remedy="delete the folder and run it again"
        ) from error
    if not isinstance(data, dict):
        raise ReidbenchError(
            "a run record holds no object", where=str(record_path), remedy="delete the folder and run it again"
        )
    record = migrate(data, where=str(record_path))
    absent = [key for key in _OBJECTS if not isinstance(record.get(key), dict)]
    absent += [key for key in ("method", "seed") if record.get(key) is None]
    if absent:
        raise ReidbenchError(
            f"a run record lacks {', '.join(absent)}",
            where=str(record_path),
            remedy="put the run's own record back, or delete the folder and run it again",
        )
    return RunRecord(path, record)


def write_run(path: Path, data: Mapping[str, Any], files: RunFiles) -> RunRecord:
    """Write a run folder; the record comes last, so that a killed write is no run.

    Raises:
        ReidbenchError: The folder can't be written, or the disk is full.
    """
    with _explain(path):
        write_csv(path / "split.csv", ("image_id", "part"), files.split_rows)
        with whole_file(path / "scores.npz") as temporary:
            np.savez_compressed(temporary, **files.arrays)  # type: ignore[arg-type]
        _write_answers(path, data, files.prediction_rows)
    return RunRecord(path, json.loads((path / "run.json").read_text(encoding="utf-8")))


def copy_run(
    source: Path, path: Path, data: Mapping[str, Any], prediction_rows: Sequence[Mapping[str, Any]]
) -> RunRecord:
    """Write a run that shares split and scores with another and answers otherwise.

    Raises:
        ReidbenchError: The folder can't be written, or the disk is full.
    """
    with _explain(path):
        for name in ("split.csv", "scores.npz"):
            copy_file(source / name, path / name)
        _write_answers(path, data, prediction_rows)
    return RunRecord(path, json.loads((path / "run.json").read_text(encoding="utf-8")))


def _write_answers(path: Path, data: Mapping[str, Any], prediction_rows: Sequence[Mapping[str, Any]]) -> None:
    rows = [[row[column] for column in PREDICTION_COLUMNS] for row in prediction_rows]
    write_csv(path / "predictions.csv", PREDICTION_COLUMNS, rows)
    write_text(path / "run.json", json.dumps(_null_for_nan(data), indent=2, ensure_ascii=False) + "\n")


def _explain(path: Path) -> AbstractContextManager[None]:
    return explain_os_errors(
        "the run can't be written",
        where=str(path),
        remedy="make room, or name a folder that can be written with --runs DIR; representations are kept",
    )


def check_writable(runs_dir: Path) -> None:
    """Check before the work, not after it, that runs can be written in a folder.

    Raises:
        ReidbenchError: They can't.
    """
    with explain_os_errors(
        "runs can't be written here",
        where=f"--runs {runs_dir}",
        remedy="name a folder that can be written: --runs DIR",
    ):
        check_can_write(runs_dir)


def discard_work(path: Path) -> None:
    """Remove the checkpoints of a run that is finished."""
    remove_folder(path, ignore_errors=True)


def _null_for_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _null_for_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_null_for_nan(entry) for entry in value]
    return value


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("_") or "_"
