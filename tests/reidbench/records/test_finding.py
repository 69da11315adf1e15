"""Runs are found by folder and by id; one record that cannot be read hides no other run."""

import json
import shutil
from pathlib import Path

import pytest

from reidbench.errors import ReidbenchError
from reidbench.records.finding import find_run, list_runs, load_runs
from reidbench.records.soundness import require_runs
from tests.reidbench.records.example import merged, with_id

OLD_RUN = "afedd1c4b32df774"


@pytest.fixture
def runs_dir(tmp_path):
    """Return a folder with a run that can be read, one that is cut short, a newer one, and one that never finished."""
    folder = Path(shutil.copytree(Path(__file__).parent / "schema_2", tmp_path / "runs"))
    for name, text in (("torn", "{"), ("newer", '{"schema": 99}')):
        path = folder / "zebra" / "sift" / name
        path.mkdir(parents=True)
        (path / "run.json").write_text(text)
    (folder / "zebra" / "sift" / "unfinished").mkdir()
    return folder


def test_a_record_that_cannot_be_read_is_listed_next_to_the_others(runs_dir):
    runs = list_runs(runs_dir)
    assert [record.id for record in runs.records] == [OLD_RUN]
    assert [(run.path.name, bool(run.remedy)) for run in runs.unreadable] == [("newer", True), ("torn", True)]
    assert "schema 99" in runs.unreadable[0].reason
    text = str(runs.unreadable[0])
    assert str(runs.unreadable[0].path) in text and runs.unreadable[0].reason in text


def test_a_run_is_found_by_folder_by_id_and_by_the_beginning_of_its_id(runs_dir):
    (path,) = runs_dir.glob("patterns*/*/*")
    for name in (path, OLD_RUN, OLD_RUN[:6]):
        assert find_run(name, runs_dir).id == OLD_RUN


def test_a_name_without_a_run_is_an_error(runs_dir):
    with pytest.raises(ReidbenchError, match="no finished run 'zzz'") as caught:
        find_run("zzz", runs_dir)
    assert caught.value.remedy
    with pytest.raises(ReidbenchError, match="schema 99"):
        find_run("newer", runs_dir)


def test_the_beginning_of_two_ids_is_an_error_that_lists_both(runs_dir):
    (path,) = runs_dir.glob("patterns*/*/*")
    other = path.with_name("afe8c8acdd8cbfcd")
    shutil.copytree(path, other)
    record = other / "run.json"
    record.write_text(json.dumps(with_id(json.loads(record.read_text()) | {"seed": 1765})))
    with pytest.raises(ReidbenchError, match="begins the id of several runs") as caught:
        find_run("afe", runs_dir)
    assert OLD_RUN in caught.value.message and other.name in caught.value.message


@pytest.mark.parametrize("run_id", ["x/../../../victim", "0123456789abcdef", "../afedd1c4b32df774", ""])
def test_a_record_with_another_id_than_that_of_its_inputs_is_left_out(runs_dir, run_id):
    (path,) = runs_dir.glob("patterns*/*/*/run.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id": run_id}))
    runs = list_runs(runs_dir)
    assert runs.records == []
    assert f"the id '{run_id}' of a run record does not belong to its inputs" in runs.unreadable[0].reason
    with pytest.raises(ReidbenchError, match="does not belong to its inputs"):
        find_run(path.parent, runs_dir)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "sift"},
        {"seed": 7},
        {"gallery": "all"},
        {"dataset": {"digest": "0"}},
        {"split": {"digest": "0"}},
        {"plugin": {"version": "9"}},
        {"settings": {"effective": {"hue_bins": 3}}},
        {"weights": {"sha256": "0"}},
        {"threshold": {"asked": "mad=1"}},
    ],
)
def test_a_record_whose_inputs_were_changed_is_left_out(runs_dir, changes):
    (path,) = runs_dir.glob("patterns*/*/*/run.json")
    path.write_text(json.dumps(merged(json.loads(path.read_text()), changes)))
    assert list_runs(runs_dir).records == []


def test_commands_that_need_a_run_say_why_there_is_none(runs_dir, tmp_path):
    assert require_runs(runs_dir, "compare").records
    shutil.rmtree(next(runs_dir.glob("patterns*")))
    with pytest.raises(ReidbenchError, match=r"no run to compare: none of 2 runs can be read.*schema 99"):
        require_runs(runs_dir, "compare")
    with pytest.raises(ReidbenchError, match="no finished run to compare") as caught:
        require_runs(tmp_path / "nothing", "compare")
    assert "--runs" in caught.value.where


def test_the_public_list_raises_for_a_record_that_cannot_be_read(runs_dir):
    with pytest.raises(ReidbenchError, match="schema 99"):
        load_runs(runs_dir)
    shutil.rmtree(runs_dir / "zebra")
    assert [run.id for run in load_runs(str(runs_dir))] == [OLD_RUN]
