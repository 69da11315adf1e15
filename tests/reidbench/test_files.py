"""A file that a command writes is there whole or not at all."""

import pytest

from reidbench.errors import ReidbenchError
from reidbench.files import whole_file


def test_it_appears_when_all_is_written_and_its_folder_is_made(tmp_path):
    path = tmp_path / "new" / "answers.csv"
    with whole_file(path, "answers") as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole" and [each.name for each in path.parent.iterdir()] == ["answers.csv"]


def test_what_stood_there_stands_when_writing_fails(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("before")

    def stop_in_the_middle():
        with whole_file(path, "answers") as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_in_the_middle()
    assert path.read_text() == "before" and [each.name for each in tmp_path.iterdir()] == ["answers.csv"]


def test_a_place_that_takes_no_file_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "report.html"
    with pytest.raises(ReidbenchError, match="the report can't be written") as caught, whole_file(path, "report"):
        pass
    assert caught.value.where == f"--output {path}"


def test_a_full_disk_is_one_message_and_leaves_nothing(tmp_path):
    path = tmp_path / "curve.csv"
    full = pytest.raises(ReidbenchError, match="the curve can't be written: No space")
    with full as caught, whole_file(path, "curve", "--curve") as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert caught.value.where == f"--curve {path}" and not list(tmp_path.iterdir())
