"""The record of a failed run: written whole, read back, and removed when the run succeeds."""

import pytest

from reidbench.errors import ReidbenchError
from reidbench.records.failures import FailedRun, MethodFailure, forget_failure, load_failures, write_failure
from reidbench.records.job import Job

JOB = Job("sift", "zebra")
FAILURE = MethodFailure("sift ran out of memory", how="memory", plugin=("reidbench", "0.1.0"))
FAILED = FailedRun.of(JOB, ("zebra", "digest"), FAILURE, isolated=False)


def test_a_failure_is_read_back_and_goes_when_the_run_succeeds(tmp_path):
    path = write_failure(tmp_path, FAILED)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert load_failures(tmp_path) == [FAILED]
    forget_failure(tmp_path, JOB, "zebra")
    assert load_failures(tmp_path) == []


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
