"""A file is written whole or not at all, and one message says why not; nothing that is removed follows a link."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from reidbench.errors import ReidbenchError
from reidbench.files import (
    check_can_write,
    copy_file,
    disk_error,
    explain_os_errors,
    move_folder,
    owner_of_leftover,
    remove_file,
    remove_folder,
    temporary_folder,
    touch,
    whole_file,
    whole_folder,
    write_bytes,
    write_output,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_all_is_written_and_its_folder_is_made(tmp_path):
    path = tmp_path / "new" / "answers.csv"
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole" and names(path.parent) == ["answers.csv"]


def test_an_earlier_file_stays_when_writing_fails(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("before")

    def stop_in_the_middle():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_in_the_middle()
    assert path.read_text() == "before" and names(tmp_path) == ["answers.csv"]


def test_text_is_utf_8_with_its_own_line_ends(tmp_path):
    write_text(tmp_path / "note.txt", "Zoë\r\nmü\n")
    assert (tmp_path / "note.txt").read_bytes() == b"Zo\xc3\xab\r\nm\xc3\xbc\n"


def test_libraries_that_go_by_the_suffix_can_write(tmp_path):
    with whole_file(tmp_path / "scores.npz") as temporary:
        np.savez(temporary, scores=np.arange(3))
    with whole_file(tmp_path / "weights.safetensors") as temporary:
        save_file({"weight": np.ones(2, np.float32)}, temporary)
    with whole_file(tmp_path / "grey.png") as temporary:
        Image.new("L", (2, 3)).save(temporary)
    assert np.load(tmp_path / "scores.npz")["scores"].tolist() == [0, 1, 2]
    assert load_file(tmp_path / "weights.safetensors")["weight"].tolist() == [1, 1]
    assert Image.open(tmp_path / "grey.png").size == (2, 3)
    assert names(tmp_path) == ["grey.png", "scores.npz", "weights.safetensors"]


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    write_text(tmp_path / ("n" * 251 + ".csv"), "whole")
    assert (tmp_path / ("n" * 251 + ".csv")).read_text() == "whole"


def test_a_link_is_replaced_and_the_file_behind_it_stays(tmp_path):
    (tmp_path / "behind").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "behind")
    write_text(tmp_path / "link", "after")
    assert (tmp_path / "behind").read_text() == "before"
    assert (tmp_path / "link").read_text() == "after" and not (tmp_path / "link").is_symlink()


def test_two_writes_of_one_file_at_once_leave_one_of_them_whole(tmp_path):
    path = tmp_path / "note.json"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first" and names(tmp_path) == ["note.json"]  # the outer block ends last


def test_a_copy_has_the_content_and_not_the_permissions(tmp_path):
    (tmp_path / "source").write_text("content")
    (tmp_path / "source").chmod(0o400)
    copy_file(tmp_path / "source", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "content" and (tmp_path / "copy").stat().st_mode & 0o200


KILL = """
import os, sys
from pathlib import Path
from reidbench import files
CHANGES = {{"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.move", "shutil.rmtree"}}
folder = Path(sys.argv[1])
for limit in range(1, 100):
    path = folder / str(limit)
    {before}
    child = os.fork()
    if not child:
        seen = []
        def kill(event, arguments):
            if event in CHANGES:
                seen.append(event)
                if len(seen) == limit:
                    os._exit(9)
        sys.addaudithook(kill)
        {write}
        os._exit(0)
    _, status = os.waitpid(child, 0)
    {check}
    if status == 0:
        break
print(limit)
"""


def kill_at_each_step(folder, before, write, check):
    """Run a write that is killed at its first change of the disk, then at its second, and so on; return how many."""
    code = KILL.format(before=before, write=write, check=check)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_killed_write_leaves_the_old_file_or_the_new_one(tmp_path):
    n_step = kill_at_each_step(
        tmp_path,
        before="path.write_text('old')",
        write="files.write_text(path, 'new')",
        check="assert path.read_text() in (['old'] if limit < 3 else ['new'] if status == 0 else ['old', 'new'])",
    )
    assert n_step >= 3  # opened, flushed and renamed at least


def test_a_killed_write_leaves_no_folder_or_a_whole_one(tmp_path):
    n_step = kill_at_each_step(
        tmp_path,
        before="",
        write='exec(\'with files.whole_folder(path) as new:\\n  (new / "a").write_text("1")'
        '\\n  (new / "b").write_text("2")\')',
        check="assert path.is_dir() == (status == 0) and (not path.is_dir() or len(list(path.iterdir())) == 2)",
    )
    assert n_step >= 5


def test_a_full_disk_is_one_message_and_leaves_nothing_behind(tmp_path, full_disk):
    path = tmp_path / "curve.csv"
    path.write_text("before")
    with full_disk(1000), pytest.raises(ReidbenchError, match="the curve can't be written: File too large") as caught:
        write_output(path, "x" * 100_000, "curve", "--curve")
    assert caught.value.where == f"--curve {path}" and caught.value.remedy == "name a file that can be written"
    assert path.read_text() == "before" and names(tmp_path) == ["curve.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_message(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ReidbenchError, match="the report can't be written: Permission denied"):
        write_output(tmp_path / "report.html", b"page", "report")
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that not even root may write to")
def test_a_folder_of_the_system_is_one_message():
    with pytest.raises(ReidbenchError, match="the report can't be written"):
        write_output(Path("/proc/self/report.html"), b"page", "report")


def test_a_folder_below_a_file_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "report.html"
    with pytest.raises(ReidbenchError, match="the report can't be written") as caught:
        write_output(path, "page", "report")
    assert caught.value.where == f"--output {path}"


@pytest.mark.parametrize("path", ["/dev/null", "."])
def test_a_device_and_a_folder_are_never_replaced(path):
    with pytest.raises(OSError, match="it exists and is not a file"):
        write_text(Path(path), "text")
    assert not Path(path).is_file()


def test_other_errors_stay_as_they_are():
    with pytest.raises(ZeroDivisionError), explain_os_errors("it failed", where="here", remedy="wait"):
        raise ZeroDivisionError


def test_a_folder_appears_when_all_is_written(tmp_path):
    path = tmp_path / "new" / "shard"
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("1")
        assert not path.exists()
    assert (path / "a").read_text() == "1" and names(path.parent) == ["shard"]


def test_a_folder_replaces_an_earlier_one_and_its_content(tmp_path):
    path = tmp_path / "fit"
    path.mkdir()
    (path / "old").write_text("old")
    with whole_folder(path) as temporary:
        (temporary / "new").write_text("new")
    assert names(path) == ["new"] and names(tmp_path) == ["fit"]


def test_an_earlier_folder_stays_when_writing_fails(tmp_path):
    path = tmp_path / "fit"
    path.mkdir()
    (path / "old").write_text("old")

    def stop_in_the_middle():
        with whole_folder(path) as temporary:
            (temporary / "new").write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_in_the_middle()
    assert names(path) == ["old"] and names(tmp_path) == ["fit"]


def test_a_folder_that_another_process_wrote_may_stay(tmp_path):
    path = tmp_path / "drawn"
    with whole_folder(path, keep=lambda folder: (folder / "whole").exists()) as temporary:
        path.mkdir()
        (path / "whole").write_text("theirs")
        (temporary / "whole").write_text("ours")
    assert (path / "whole").read_text() == "theirs" and names(tmp_path) == ["drawn"]


def test_a_folder_that_is_not_good_is_replaced(tmp_path):
    path = tmp_path / "drawn"
    path.mkdir()
    with whole_folder(path, keep=lambda folder: (folder / "whole").exists()) as temporary:
        (temporary / "whole").write_text("ours")
    assert (path / "whole").read_text() == "ours" and names(tmp_path) == ["drawn"]


def test_a_file_is_never_replaced_by_a_folder(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(NotADirectoryError), whole_folder(path):
        pass
    assert path.read_text() == "before" and names(tmp_path) == ["file"]


def test_a_moved_folder_replaces_an_earlier_one(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "checkpoint").write_text("new")
    (tmp_path / "cache" / "fit").mkdir(parents=True)
    (tmp_path / "cache" / "fit" / "old").write_text("old")
    move_folder(tmp_path / "work", tmp_path / "cache" / "fit")
    assert names(tmp_path) == ["cache"] and names(tmp_path / "cache") == ["fit"]
    assert names(tmp_path / "cache" / "fit") == ["checkpoint"]


def test_what_a_link_points_to_is_never_removed(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").symlink_to(tmp_path / "kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "file_link").symlink_to(tmp_path / "kept" / "file")
    remove_folder(tmp_path / "folder")
    remove_folder(tmp_path / "link")
    remove_file(tmp_path / "file_link")
    assert names(tmp_path) == ["kept"] and (tmp_path / "kept" / "file").read_text() == "kept"


def test_a_killed_removal_leaves_the_folder_whole_or_under_a_temporary_name(tmp_path):
    n_step = kill_at_each_step(
        tmp_path,
        before="path.mkdir(); (path / 'a').write_text('1'); (path / 'b').write_text('2')",
        write="files.remove_folder(path)",
        check="assert not path.exists() if status == 0 else not path.exists() or len(list(path.iterdir())) == 2; "
        "assert all(each == path or each.name.isdigit() or files.owner_of_leftover(each) "
        "for each in folder.iterdir())",
    )
    assert n_step >= 5  # renamed, listed and each entry removed


def test_a_killed_move_leaves_the_folder_at_one_of_the_two_places(tmp_path):
    kill_at_each_step(
        tmp_path,
        before="path.mkdir(); (path / 'a').write_text('1'); to = folder / 'moved' / str(limit)",
        write="files.move_folder(path, to)",
        check="assert path.is_dir() != to.is_dir() and (to if to.is_dir() else path).joinpath('a').read_text() == '1'",
    )


def test_a_process_can_be_killed_before_its_nth_change_of_the_disk(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom reidbench.files import write_text\n"
        "for n in range(9):\n    write_text(Path(sys.argv[1], str(n)), 'x')"
    )
    kept = []
    for limit in ("4", "5"):  # a file is flushed, renamed, and its temporary name removed
        (tmp_path / limit).mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / limit)],
            env={**os.environ, "REIDBENCH_KILL_BEFORE": limit},
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        kept.append([name for name in names(tmp_path / limit) if not name.startswith(".")])
    assert kept == [["0"], ["0"]]


def test_a_temporary_folder_is_named_for_its_process_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with temporary_folder("blindness") as folder:
        (folder / "photo").write_text("")
        assert folder.parent == tmp_path and folder.name.startswith("reidbench-blindness-")
        assert owner_of_leftover(folder) == os.getpid()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "run.json",
        ".hidden",
        ".run.json.tmp",
        ".run.12-xyz.tmp",
        "reidbench-projects",
        "reidbench-12",
        "reidbench-a-b-12",
    ],
)
def test_names_of_users_are_no_leftovers(name):
    assert owner_of_leftover(Path(name)) is None


def test_a_file_that_is_touched_has_the_time_of_now(tmp_path):
    (tmp_path / "used").write_text("")
    os.utime(tmp_path / "used", (1, 1))
    before = time.time()
    touch(tmp_path / "used")
    assert (tmp_path / "used").stat().st_mtime >= before - 2


def test_removing_what_does_not_exist_is_no_error(tmp_path):
    remove_file(tmp_path / "file")
    remove_folder(tmp_path / "folder")


def test_what_can_not_be_removed_is_an_error_unless_it_is_ignored(tmp_path):
    with pytest.raises(OSError, match="director"):
        remove_file(tmp_path)
    remove_file(tmp_path, ignore_errors=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        remove_folder(tmp_path / "file")
    remove_folder(tmp_path / "file", ignore_errors=True)
    assert names(tmp_path) == ["file"]


def test_a_folder_is_tried_before_the_work(tmp_path):
    check_can_write(tmp_path / "new")
    assert names(tmp_path / "new") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        check_can_write(tmp_path / "file" / "new")


def test_bytes_are_written_as_they_are(tmp_path):
    write_bytes(tmp_path / "picture", b"\x00\r\n\xff")
    assert (tmp_path / "picture").read_bytes() == b"\x00\r\n\xff"


def test_the_module_is_light():
    code = "import reidbench.files, sys; sys.exit(', '.join({'numpy', 'pandas', 'torch'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_error_of_a_temporary_file_is_one_message_and_the_folder_is_removed(tmp_path, monkeypatch, full_disk):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        full_disk(100),
        pytest.raises(ReidbenchError, match="temporary files can't be written: File too large") as caught,
    ):
        write_large(temporary_folder("test"))
    assert caught.value.where.startswith(str(tmp_path / "reidbench-test-")) and "TMPDIR=DIR" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def write_large(folder):
    with folder as path:
        (path / "large").write_bytes(bytes(1000))


def test_an_error_of_a_file_elsewhere_passes_a_temporary_folder_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError), temporary_folder("test"):
        (tmp_path / "absent").read_bytes()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_an_error_of_the_disk_names_its_file_and_what_to_do(number):
    explained = disk_error(OSError(number, os.strerror(number), "runs/a.csv"))
    assert os.strerror(number) in explained.message and explained.where == "runs/a.csv" and explained.remedy


def test_another_error_is_not_one_of_the_disk():
    assert disk_error(OSError(errno.ECONNREFUSED, "Connection refused")) is None
