"""Check the files of saved runs before their numbers are shown, so that a damaged run hides no other run."""

from __future__ import annotations

import zipfile
from pathlib import Path

from reidbench.errors import ReidbenchError
from reidbench.records.file_digests import RUN_FILES, check_file
from reidbench.records.finding import FoundRuns, UnreadableRun, list_runs
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import open_scores, read_judged_answers, read_test_answers


def check_run(record: RunRecord) -> None:
    """Check that the files of a run are those that were written, and belong together.

    Files that are missing are no error here: a record alone can be ranked. The files of a run of an earlier version
    have no digests, so they are read instead.

    Raises:
        ReidbenchError: A file was changed or is damaged.
    """
    for name in RUN_FILES:
        check_file(record.path, name, record.data.files)
    if set(record.data.files) >= set(RUN_FILES):
        return
    if (record.path / "scores.npz").exists():
        with open_scores(record), zipfile.ZipFile(record.path / "scores.npz") as file:
            damaged = file.testzip()
            if damaged is not None:
                raise zipfile.BadZipFile(f"the array {damaged.removesuffix('.npy')} is damaged")
    read_judged_answers(record)
    read_test_answers(record)


def without_damaged(runs: FoundRuns) -> FoundRuns:
    """Return runs with those moved to ``unreadable`` whose files are damaged."""
    sound: list[RunRecord] = []
    damaged: list[UnreadableRun] = []
    for record in runs.records:
        try:
            check_run(record)
        except ReidbenchError as error:
            damaged.append(UnreadableRun(record.path, error.message, error.remedy))
        else:
            sound.append(record)
    return FoundRuns(sound, sorted([*runs.unreadable, *damaged], key=lambda run: run.path))


def list_sound_runs(runs_dir: str | Path) -> FoundRuns:
    """Return every finished run below a folder, with those that cannot be read or whose files are damaged."""
    return without_damaged(list_runs(runs_dir))


def require_runs(runs_dir: str | Path, purpose: str) -> FoundRuns:
    """Return the runs of :func:`list_sound_runs`, at least one.

    Args:
        runs_dir: The folder.
        purpose: Verb for the error: there is no run to "compare".

    Raises:
        ReidbenchError: The folder has no finished run, or none can be read.
    """
    runs = list_sound_runs(runs_dir)
    if runs.records:
        return runs
    if runs.unreadable:
        first, n_unreadable = runs.unreadable[0], len(runs.unreadable)
        raise ReidbenchError(
            f"there is no run to {purpose}: "
            + (f"none of {n_unreadable} runs can be read; the first: " if n_unreadable > 1 else "")
            + first.reason,
            where=str(first.path),
            remedy=first.remedy,
        )
    raise ReidbenchError(
        f"there is no finished run to {purpose}",
        where=f"--runs {runs_dir}",
        remedy="name the folder that holds them with --runs DIR, or run a method first: "
        "reidbench run --method color_histogram",
    )
