"""Only run folders below the folder of runs can be removed, and no link is followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reidbench.errors import ReidbenchError
from reidbench.records.removal import folder_size, removable_failures, removable_run


def make_run(runs_dir: Path, run_id: str, *, method: str = "sift", record: str = "{}") -> Path:
    folder = runs_dir / "patterns" / method / run_id
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(record)
    (folder / "scores.npz").write_bytes(b"0" * 100)
    return folder


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    for run_id in ("aa11aa11aa11aa11", "aa12aa12aa12aa12", "bb22bb22bb22bb22"):
        make_run(tmp_path / "runs", run_id)
    (tmp_path / "runs" / "patterns" / "sift" / "failed-0123456789abcdef.json").write_text("not JSON")
    return tmp_path / "runs"


@pytest.mark.parametrize(
    "name",
    [
        "bb22bb22bb22bb22",
        "b",
        "{runs}/patterns/sift/bb22bb22bb22bb22",
        "{runs}/patterns/sift/aa11aa11aa11aa11/../bb22bb22bb22bb22",
    ],
)
def test_a_run_is_found_by_id_by_its_beginning_and_by_folder(runs_dir, name):
    found = removable_run(name.format(runs=runs_dir), runs_dir)
    assert (found.path, found.size) == (runs_dir / "patterns" / "sift" / "bb22bb22bb22bb22", 102)
    found.remove()
    assert sorted(path.name for path in (runs_dir / "patterns" / "sift").iterdir()) == [
        "aa11aa11aa11aa11", "aa12aa12aa12aa12", "failed-0123456789abcdef.json",
    ]  # fmt: skip


def test_a_folder_of_the_working_directory_is_found(runs_dir, monkeypatch):
    monkeypatch.chdir(runs_dir / "patterns" / "sift")
    assert removable_run("bb22bb22bb22bb22", runs_dir).path == runs_dir / "patterns" / "sift" / "bb22bb22bb22bb22"


@pytest.mark.parametrize("name", ["lynx", "0123456789abcde", "0123456789ABCDEF"])
def test_a_folder_whose_name_is_no_id_is_never_removed(runs_dir, name):
    photographs = make_run(runs_dir, name, record='{"exported": true}')
    with pytest.raises(ReidbenchError, match="there is no run"):
        removable_run(name, runs_dir)
    with pytest.raises(ReidbenchError, match="not a run's folder"):
        removable_run(photographs, runs_dir)


def test_a_file_that_reidbench_did_not_write_stays(runs_dir):
    run = runs_dir / "patterns" / "sift" / "bb22bb22bb22bb22"
    (run / "notes.docx").write_bytes(b"field notes")
    (run / "work").mkdir()
    (run / ".scores.71-0a1b2c3d.tmp.npz").write_bytes(b"half")
    with pytest.raises(ReidbenchError, match=r"the run is removed, but its folder also holds notes\.docx"):
        removable_run("bb22", runs_dir).remove()
    assert [path.name for path in run.iterdir()] == ["notes.docx"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aa", "'aa' begins the id of several runs: aa11aa11aa11aa11, aa12aa12aa12aa12"),
        ("zz", "there is no run 'zz'"),
        ("*", "no run '*'"),
    ],
)
def test_a_name_that_is_not_one_run_is_an_error(runs_dir, name, message):
    with pytest.raises(ReidbenchError) as caught:
        removable_run(name, runs_dir)
    assert message in caught.value.message


@pytest.mark.parametrize(
    "place", [".", "patterns", "patterns/sift", "patterns/sift/unfinished", "patterns/sift/aa11aa11aa11aa11/work"]
)
def test_a_folder_that_is_no_run_is_refused(runs_dir, place):
    folder = runs_dir / place
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.raises(ReidbenchError, match="not a run's folder"):
        removable_run(folder, runs_dir)


def test_a_run_of_another_folder_of_runs_is_refused(runs_dir, tmp_path):
    other = make_run(tmp_path / "other", "cc33cc33cc33cc33")
    for name in (other, runs_dir / ".." / "other" / "patterns" / "sift" / "cc33cc33cc33cc33"):
        with pytest.raises(ReidbenchError, match="not a run's folder"):
            removable_run(name, runs_dir)
    with pytest.raises(ReidbenchError, match="no run 'cc33cc33cc33cc33'"):
        removable_run("cc33cc33cc33cc33", runs_dir)


@pytest.mark.parametrize("linked", ["patterns/sift/dd44dd44dd44dd44", "patterns/linked", "linked"])
def test_a_run_behind_a_link_is_neither_found_by_id_nor_removed_by_folder(runs_dir, tmp_path, linked):
    depth = 3 - linked.count("/") - 1
    target = make_run(tmp_path / "elsewhere", "dd44dd44dd44dd44")
    target = target if depth == 0 else target.parents[depth - 1]
    (runs_dir / linked).symlink_to(target, target_is_directory=True)
    with pytest.raises(ReidbenchError, match="no run 'dd4'"):
        removable_run("dd4", runs_dir)
    behind = runs_dir / linked / Path(*("patterns", "sift", "dd44dd44dd44dd44")[3 - depth :])
    assert (behind / "run.json").is_file()
    with pytest.raises(ReidbenchError, match="links are not followed"):
        removable_run(behind, runs_dir)


def test_a_link_inside_a_run_is_removed_and_its_target_stays(runs_dir, tmp_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "a.jpg").write_bytes(b"0" * 1000)
    run = runs_dir / "patterns" / "sift" / "bb22bb22bb22bb22"
    (run / "work").symlink_to(tmp_path / "photographs", target_is_directory=True)
    (run / "split.csv").symlink_to(tmp_path / "photographs" / "a.jpg")
    assert folder_size(run) == 102
    removable_run("bb22bb22bb22bb22", runs_dir).remove()
    assert not run.exists() and (tmp_path / "photographs" / "a.jpg").exists()


def test_the_folder_of_runs_may_itself_be_a_link(runs_dir, tmp_path):
    (tmp_path / "disk").symlink_to(runs_dir, target_is_directory=True)
    place = "patterns/sift/bb22bb22bb22bb22"
    for name in ("bb22bb22bb22bb22", tmp_path / "disk" / place, runs_dir / place):
        assert (
            removable_run(name, tmp_path / "disk").path == tmp_path / "disk" / "patterns" / "sift" / "bb22bb22bb22bb22"
        )


def test_failures_are_found_by_method_whatever_they_hold(runs_dir, tmp_path):
    other = runs_dir / "patterns" / "my_method"
    other.mkdir()
    (other / "failed-fedcba9876543210.json").write_text("{}")
    assert [each.path.parent.name for each in removable_failures(runs_dir)] == ["my_method", "sift"]
    (found,) = removable_failures(runs_dir, ["package:my method"])
    assert (found.path.name, found.size) == ("failed-fedcba9876543210.json", 2)
    found.remove()
    assert list(other.iterdir()) == []
    with pytest.raises(ReidbenchError, match="no failure of the method 'my_method'") as caught:
        removable_failures(runs_dir, ["my_method"])
    assert caught.value.remedy == "choose one of: sift"


def test_a_run_loses_its_record_first(runs_dir, monkeypatch):
    """If removing stops in the middle, what is left is no run."""

    def stop(path):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr("reidbench.records.removal.remove_folder", stop)
    with pytest.raises(ReidbenchError, match="can't be removed: Permission denied"):
        removable_run("bb22bb22bb22bb22", runs_dir).remove()
    assert not (runs_dir / "patterns" / "sift" / "bb22bb22bb22bb22" / "run.json").exists()
