"""``reidbench runs``: what is listed, what is shown, and that only what was named is removed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reidbench.cli.commands.runs import runs as app
from reidbench.errors import ReidbenchError
from reidbench.records.failures import FailedRun, MethodFailure, write_failure
from reidbench.records.job import Job

TORN = "0123012301230123"


def call(*arguments: object, columns: int = 200, given: str | None = None, code: int = 0):
    done = CliRunner().invoke(
        app, list(map(str, arguments)), env={"COLUMNS": str(columns)}, input=given, catch_exceptions=False
    )
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def folder(finished, tmp_path: Path) -> Path:
    """Runs of three datasets, one that can not be read, and one that failed."""
    shutil.copytree(finished.runs_dir, tmp_path / "runs")
    torn = tmp_path / "runs" / "patterns" / "sift" / TORN
    torn.mkdir(parents=True)
    (torn / "run.json").write_text("{")
    failure = MethodFailure("hangs was ended after 8 s", how="timeout", plugin=("stranger", "1.5"))
    failed = FailedRun.of(Job("hangs", "patterns"), ("patterns", "digest"), failure, isolated=True)
    write_failure(tmp_path / "runs", failed)
    return tmp_path / "runs"


def test_each_run_is_a_row_and_the_rest_is_told_below(finished, folder):
    shown = call("ls", "--runs", folder, columns=400).stdout
    for record in finished.records:
        (line,) = [line for line in shown.splitlines() if record.id in line]
        cells = line.split()
        assert cells[:2] == [record.dataset, record.method] and f"{record.metrics['score']:.3f}" in cells
    assert f"{len(finished.records)} runs in {folder}, " in shown
    assert "1 failed run: reidbench compare shows why" in shown
    assert TORN in shown and "can't be read" in " ".join(shown.split())


def test_a_narrow_terminal_names_the_columns_that_it_lacks(folder):
    shown = call("ls", "--runs", folder, columns=80).stdout
    assert "Not shown at a width of 80: " in shown and "created (UTC)" in shown
    assert max(map(len, shown.split("runs in")[0].splitlines())) <= 80


def test_filters_apply_to_rows_and_to_what_can_not_be_read(finished, folder):
    rows = json.loads(call("ls", "--runs", folder, "--method", "sift", "--json").stdout)
    assert {row["method"] for row in rows["runs"]} == {"sift"}
    assert len(rows["runs"]) == sum(record.method == "sift" for record in finished.records)
    assert [Path(run["path"]).name for run in rows["unreadable"]] == [TORN]
    name = finished.records[0].dataset
    rows = json.loads(call("ls", "--runs", folder, "--dataset", name, "--json").stdout)
    assert {row["dataset"] for row in rows["runs"]} == {name} and rows["unreadable"] == []
    assert "0 runs that match in" in call("ls", "--runs", folder, "--method", "nothing").stdout


def test_json_has_what_the_table_has(finished, folder):
    rows = {row["id"]: row for row in json.loads(call("ls", "--runs", folder, "--json").stdout)["runs"]}
    record = finished.records[0]
    row = rows[record.id]
    assert (row["score"], row["split_seed"], row["seed"]) == (record.metrics["score"], record.split_seed, record.seed)
    assert row["bytes"] == sum(file.stat().st_size for file in Path(row["path"]).iterdir())


def test_the_record_of_a_failed_run_that_can_not_be_read_is_named_too(folder):
    (path,) = folder.glob("*/*/failed-*.json")
    path.write_text("{")
    rows = json.loads(call("ls", "--runs", folder, "--method", "hangs", "--json").stdout)
    assert [run["path"] for run in rows["unreadable"]] == [str(path)]
    assert path.name in "".join(call("ls", "--runs", folder, columns=100).stdout.split())


def test_an_empty_folder_has_no_runs_and_none_is_an_error(tmp_path):
    assert call("ls", "--runs", tmp_path).stdout.startswith(f"0 runs in {tmp_path}")
    with pytest.raises(ReidbenchError, match="does not exist"):
        call("ls", "--runs", tmp_path / "none")


def test_a_run_is_shown_with_inputs_numbers_environment_and_files(finished, folder):
    record = finished.records[0]
    shown = call("show", record.id[:8], "--runs", folder).stdout
    assert shown.startswith(f"{record.method} on {record.dataset} · run {record.id}")
    text = " ".join(shown.split())
    assert f"digest {record.split_digest[:12]}" in text and record.data.threshold.policy in text
    calibration, test = (getattr(record.data.metrics, part).overall["score"] for part in ("calibration", "test"))
    assert f" score {calibration:.3f} {test:.3f} " in text
    assert f"numpy {record.data.environment.packages['numpy']}" in text
    assert "predictions.csv" in text and "scores.npz" in text
    assert json.loads(call("show", record.id, "--runs", folder, "--json").stdout) == json.loads(
        (record.path / "run.json").read_text()
    )


def test_a_run_with_brackets_in_its_names_is_shown_as_it_is(finished, folder):
    hostile = finished.of("metadata")[0] if finished.of("metadata") else finished.records[-1]
    assert hostile.dataset in call("show", hostile.id, "--runs", folder).stdout


def test_without_a_terminal_and_without_yes_nothing_is_removed(finished, folder):
    with pytest.raises(ReidbenchError) as caught:
        call("rm", finished.records[0].id, "--runs", folder)
    assert str(caught.value) == "Cannot ask for confirmation: stdin is not a terminal. Add --yes."
    assert len(list(folder.glob("*/*/*/run.json"))) == len(finished.records) + 1


@pytest.mark.parametrize("answer", [True, False])
def test_what_is_to_be_removed_is_shown_before_the_question(finished, folder, monkeypatch, answer):
    first = finished.records[0]
    asked = []
    monkeypatch.setattr("reidbench.cli.confirmation.is_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question, **_: asked.append(question) or answer)
    done = call("rm", first.id, TORN, first.id[:10], "--runs", folder, code=0 if answer else 1)
    assert asked[0].startswith("Remove 2 runs (") and first.id in done.stderr and TORN in done.stderr
    left = {path.parent.name for path in folder.glob("*/*/*/run.json")}
    if answer:
        assert left == {record.id for record in finished.records[1:]}
        assert done.stdout.splitlines()[-1].startswith("removed 2 runs, ") and "freed" in done.stdout
    else:
        assert len(left) == len(finished.records) + 1 and "Nothing was removed." in done.stderr


def test_a_wrong_name_among_right_ones_removes_nothing(finished, folder):
    with pytest.raises(ReidbenchError, match="no run 'zzzz'"):
        call("rm", finished.records[0].id, "zzzz", "--runs", folder, "--yes")
    assert len(list(folder.glob("*/*/*/run.json"))) == len(finished.records) + 1
    with pytest.raises(ReidbenchError, match="no run is named"):
        call("rm", "--runs", folder)


def test_records_of_failed_runs_are_removed_by_method_or_all(folder):
    with pytest.raises(ReidbenchError, match="no failure of the method 'sift'"):
        call("rm", "--failed", "sift", "--runs", folder, "--yes")
    assert "removed 1 record of a failed run" in call("rm", "--failed", "hangs", "--runs", folder, "--yes").stdout
    assert list(folder.glob("*/*/failed-*")) == [] and list(folder.glob("*/*/*/run.json"))
    assert "no failed run is recorded" in call("rm", "--failed", "--runs", folder).stdout
