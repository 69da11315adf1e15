"""Write and read run folders: ``RUNS/<dataset>/<method>/<id>/``.

``run.json`` is written last and renamed into place, so a folder that has one is complete. Tables and reports read run
folders only, never a model.
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.csv_files import write_csv
from reidbench.errors import ReidbenchError
from reidbench.files import (
    check_can_write,
    copy_file,
    explain_os_errors,
    remove_file,
    remove_folder,
    whole_file,
    write_text,
)
from reidbench.records.file_digests import RECORD, RUN_FILES, check_record, file_digest, record_digest
from reidbench.records.question import check_id
from reidbench.records.run_data import RunData
from reidbench.thresholds import Thresholds
from reidbench.untrusted.reading import parse_json, read_regular
from reidbench.untrusted.text import json_text, null_for_nan


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """A finished run: its folder and the content of its ``run.json``."""

    path: Path
    data: RunData

    @property
    def id(self) -> str:
        """Id of the run, 16 hexadecimal digits."""
        return self.data.id

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.data.method

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.data.dataset.name

    @property
    def seed(self) -> int:
        """Seed of the method."""
        return self.data.seed

    @property
    def split_seed(self) -> int | None:
        """Seed of the split, ``None`` for a split that was read from a file."""
        return self.data.split.seed

    @property
    def split_digest(self) -> str:
        """Digest of the split."""
        return self.data.split.digest

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Metrics of the test part over all groups."""
        return self.data.metrics.test.overall

    @property
    def thresholds(self) -> Thresholds:
        """Thresholds of the run."""
        return Thresholds.from_json(self.data.threshold.to_json())


@dataclass(frozen=True, slots=True, eq=False)
class RunFiles:
    """The content of a run's other files: the split, the predictions, and the arrays of ``scores.npz``."""

    split_rows: Sequence[tuple[str, str]]
    prediction_rows: Sequence[Mapping[str, Any]]
    arrays: Mapping[str, NDArray[Any]]


_LONGEST_NAME = 200
"""Characters of a folder's name: file systems take 255 bytes, and a temporary name is longer."""
PREDICTION_COLUMNS = ("image_id", "identity", "score", "threshold", "candidate", "group", "part")
ENCOUNTER_COLUMN = "encounter"
"""Further column of the predictions of a run whose queries are encounters."""


def run_dir(runs_dir: Path, dataset: str, method: str, run_id: str) -> Path:
    """Return the folder of a run; characters that file systems refuse are replaced by ``_``."""
    return runs_dir / plain_name(dataset) / plain_name(method) / run_id


def find_run_dir(runs_dir: Path, dataset: str, method: str, run_id: str) -> Path:
    """Return the folder of a run that is saved under any name of its dataset, else the folder that it would have."""
    path = run_dir(runs_dir, dataset, method, run_id)
    if (path / "run.json").exists():
        return path
    elsewhere = sorted(runs_dir.glob(f"*/{glob.escape(plain_name(method))}/{run_id}/run.json"))
    return elsewhere[0].parent if elsewhere else path


def read_run(path: Path) -> RunRecord | None:
    """Return the record in a run folder, ``None`` if the folder has none: its run is not finished.

    Raises:
        ReidbenchError: The record cannot be read, a newer version wrote it, or a field is wrong.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        return None


def _read(path: Path) -> RunRecord:
    where = str(path / "run.json")
    try:
        data = parse_json(read_regular(path / "run.json"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # cut short, empty, not JSON, not text
        raise ReidbenchError(
            f"a run record can't be read: {error}", where=where, remedy="delete the folder and run it again"
        ) from error
    if not isinstance(data, dict):
        raise ReidbenchError(
            "a run record holds no JSON object", where=where, remedy="delete the folder and run it again"
        )
    checked = RunData.from_json(data, where=where)
    check_id(data, where=where)
    check_record(data, where=where)
    return RunRecord(path, checked)


def write_run(path: Path, data: RunData, files: RunFiles) -> RunRecord:
    """Write a run folder, in place of an earlier one. The record appears last, so an interrupted write leaves no run.

    Raises:
        ReidbenchError: The folder can't be written, or the disk is full. An earlier run is unchanged then.
    """

    def fill(temporary: Mapping[str, Path]) -> None:
        write_csv(temporary["split.csv"], ("image_id", "part"), files.split_rows)
        _write_scores(temporary["scores.npz"], files.arrays)
        _write_predictions(temporary["predictions.csv"], files.prediction_rows)

    return _write(path, data, fill)


def copy_run(source: Path, path: Path, data: RunData, prediction_rows: Sequence[Mapping[str, Any]]) -> RunRecord:
    """Write a run that has the split and the scores of another run, and other predictions.

    Raises:
        ReidbenchError: The folder can't be written, or the disk is full.
    """

    def fill(temporary: Mapping[str, Path]) -> None:
        for name in ("split.csv", "scores.npz"):
            copy_file(source / name, temporary[name])
        _write_predictions(temporary["predictions.csv"], prediction_rows)

    return _write(path, data, fill)


def _write(path: Path, data: RunData, fill: Callable[[Mapping[str, Path]], None]) -> RunRecord:
    """Write all files of a run under temporary names, then rename them.

    An earlier record is removed before the first file gets its name, and the new one gets its name last. So no record
    ever stands next to files of another run.
    """
    with _explain(path), ExitStack() as stack:
        record = stack.enter_context(whole_file(path / "run.json"))  # entered first, so renamed last
        temporary = {name: stack.enter_context(whole_file(path / name)) for name in RUN_FILES}
        fill(temporary)
        write_record(record, data, temporary)
        remove_file(path / "run.json")
    return _read(path)


def write_record(path: Path, data: RunData, files: Mapping[str, Path]) -> None:
    """Write the record of a run with the digests of its other files.

    Args:
        path: Where to write.
        data: The record.
        files: The other files by name; if empty, the record has no digests.

    Raises:
        OSError: The record can't be written, or a file can't be read.
    """
    record = null_for_nan(data.to_json())
    digests = {name: file_digest(file) for name, file in files.items()}
    if digests:
        digests[RECORD] = record_digest(record)
    write_text(path, json_text({**record, "files": digests}, indent=2) + "\n")


def _write_scores(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _write_predictions(path: Path, prediction_rows: Sequence[Mapping[str, Any]]) -> None:
    is_pooled = any(ENCOUNTER_COLUMN in row for row in prediction_rows)
    columns = (*PREDICTION_COLUMNS, ENCOUNTER_COLUMN) if is_pooled else PREDICTION_COLUMNS
    write_csv(path, columns, [[row[column] for column in columns] for row in prediction_rows])


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


def plain_name(name: str) -> str:
    """Return the name of a dataset or method as the name of one folder.

    A name that is too long for a file system is cut, and ends with a digest of the whole name. The names ``.`` and
    ``..`` would lead to other folders and become ``_``.

    Example:
        >>> plain_name("zebra (copy)"), plain_name("..")
        ('zebra_copy', '_')
    """
    plain = re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("_")
    if len(plain) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        plain = f"{plain[: _LONGEST_NAME - 17]}-{digest}"
    return "_" if plain in ("", ".", "..") else plain
