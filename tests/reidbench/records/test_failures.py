"""The record of a failed run: written whole, read back, and removed when the run succeeds."""

import json

import pytest

from reidbench.errors import ReidbenchError
from reidbench.records.failures import FailedRun, MethodFailure, forget_failure, list_failures, write_failure
from reidbench.records.job import Job

JOB = Job("sift", "zebra")
FAILURE = MethodFailure("sift ran out of memory", how="memory", plugin=("reidbench", "0.1.0"))
FAILED = FailedRun.of(JOB, ("zebra", "digest"), FAILURE, isolated=False)


def test_a_failure_is_read_back_and_goes_when_the_run_succeeds(tmp_path):
    path = write_failure(tmp_path, FAILED)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert list_failures(tmp_path).failures == [FAILED]
    forget_failure(tmp_path, JOB, "zebra")
    assert list_failures(tmp_path).failures == []


def test_a_record_that_cannot_be_read_is_listed_next_to_the_others(tmp_path):
    path = write_failure(tmp_path, FAILED)
    newer = FAILED.to_json() | {"schema": 99}
    for name, text in (("0", "{"), ("1", json.dumps(newer)), ("2", "[]"), ("3", '{"schema": 1}')):
        (path.parent / f"failed-{name}.json").write_text(text)
    found = list_failures(tmp_path)
    assert found.failures == [FAILED]
    assert [each.path.name for each in found.unreadable] == [f"failed-{name}.json" for name in "0123"]
    assert "schema" in found.unreadable[1].reason and "method" in found.unreadable[3].reason
    assert all(each.remedy == "delete the file" for each in found.unreadable)


def test_keys_of_a_newer_minor_version_are_kept(tmp_path):
    path = write_failure(tmp_path, FAILED)
    path.write_text(json.dumps(FAILED.to_json() | {"weather": "rain"}))
    assert list_failures(tmp_path).failures[0].to_json()["weather"] == "rain"


def test_failures_are_chosen_by_dataset(tmp_path):
    write_failure(tmp_path, FAILED)
    assert len(list_failures(tmp_path, "zebra").failures) == 1
    assert list_failures(tmp_path, "turtle").failures == []


def test_a_full_disk_is_one_message_and_leaves_nothing_behind(tmp_path, full_disk):
    with full_disk(100), pytest.raises(ReidbenchError, match="a failed run can't be written: File too large") as caught:
        write_failure(tmp_path, FAILED)
    assert "failed-" in caught.value.where and not list(tmp_path.rglob("*.*"))


def test_a_record_that_can_not_be_removed_is_one_message(tmp_path):
    path = write_failure(tmp_path, FAILED)
    path.unlink()
    path.mkdir()
    with pytest.raises(ReidbenchError, match="can't be removed") as caught:
        forget_failure(tmp_path, JOB, "zebra")
    assert caught.value.where == str(path)
