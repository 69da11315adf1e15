"""A full and a read-only disk, for each command that writes: one message, exit code 1, and the work can go on after it.

The disk is a small tmpfs where this process may mount one. Elsewhere, files may not grow beyond a size instead, and the
tests of a read-only disk are skipped: root ignores the modes of files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.animalclef.counts import MINIATURE
from benchmarks.animalclef.folder import make_folder

DATASET = "patterns:identities=8,size=64,level=easy"
RUN = ["run", "--method", "color_histogram", "--dataset", DATASET, "--device", "cpu"]
IDENTIFY = ["identify", "new", "--run", "RUN_ID", "--group", "lynx", "--device", "cpu"]
ENROLL = ["identify", "newcomer", "--run", "RUN_ID", "--group", "lynx", "--enroll", "decisions.csv"]
TUNE = ["tune", "--method", "mean_colour", "--plugin", "mean_colour.py", "--dataset", DATASET, "--device", "cpu"]
PLUGIN = """
import numpy as np
import reidbench


class Settings(reidbench.Settings):
    channels: int = 3


class MeanColour(reidbench.EmbeddingMethod):
    def embed(self, pixels):
        return np.stack([image.reshape(-1, 3).mean(0)[: self.settings.channels] for image in pixels])


@reidbench.hookimpl
def reidbench_methods():
    return [reidbench.MethodSpec("mean_colour", "", Settings, MeanColour, grid=({"channels": 2}, {"channels": 3}))]
"""


class Server:
    """Runs commands in children of one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "300"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
        )  # fmt: skip

    def __call__(self, args, folder, env=None, limit=None, stdout=None):
        """Return the exit code and the output of a command."""
        output = self.folder / "output.txt"
        request = {"args": [str(arg) for arg in args], "folder": str(folder), "env": env or {}, "limit": limit,
                   "output": str(output), "stdout": stdout}  # fmt: skip
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return code, output.read_text(encoding="utf-8")

    def close(self):
        self._process.stdin.close()
        self._process.wait(30)


@pytest.fixture(scope="module")
def reidbench(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.close()


@dataclass(frozen=True)
class World:
    """A finished run of drawn animals with its cache, three new photographs, and what each command writes there."""

    folder: Path
    run: str

    @property
    def cache(self):
        return self.folder / "cache"


@pytest.fixture(scope="module")
def world(reidbench, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    code, output = reidbench([*RUN, "--json"], folder, {"REIDBENCH_CACHE": str(folder / "cache")})
    assert code == 0, output
    record = next((folder / "runs").rglob("run.json"))
    (folder / "new").mkdir()
    for path in sorted((folder / "cache").rglob("*.jpg"))[:3]:
        shutil.copy(path, folder / "new")
    images = next((folder / "cache" / "patterns").iterdir())
    rows = [line.split(",") for line in (images / "metadata.csv").read_text(encoding="utf-8").splitlines()]
    columns = [rows[0].index(name) for name in ("image_id", "identity", "path")]
    cells = [[row[column] for column in columns] for row in rows[1:]]
    lines = [f'{image_id},{identity},{images / path},"[16, 16, 24, 24]"' for image_id, identity, path in cells]
    (folder / "newcomer").mkdir()  # a photograph that is not in the dataset
    Image.new("RGB", (64, 64), (200, 120, 40)).save(folder / "newcomer" / "tove.png")
    (folder / "decisions.csv").write_text("image_id,decision,identity\ntove.png,new,Tove\n", encoding="utf-8")
    (folder / "mean_colour.py").write_text(PLUGIN, encoding="utf-8")
    (folder / "boxes.csv").write_text("\n".join(["image_id,identity,path,bbox", *lines]), encoding="utf-8")
    return World(folder, record.parent.name)


class Disk:
    """A disk of 4 MB."""

    def __init__(self, folder: Path, mounted: bool) -> None:
        self.folder, self.mounted = folder, mounted
        self._filler = folder / "filler"

    def fill(self, left: int = 0):
        """Take all space but some bytes; return the largest size of a file where nothing could be mounted."""
        if not self.mounted:
            return left
        with self._filler.open("wb") as file:
            free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_bsize
            os.posix_fallocate(file.fileno(), 0, max(1, free - left))
        return None

    def free(self):
        self._filler.unlink(missing_ok=True)

    def remount(self, mode: str):
        subprocess.run(["mount", "-o", f"remount,{mode}", self.folder], check=True)

    def files(self):
        found = (path for path in self.folder.rglob("*") if path.is_file() and path != self._filler)
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    mounted = sys.platform == "linux" and os.geteuid() == 0
    mounted = mounted and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield Disk(folder, mounted)
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)


# Arguments of each command that writes to a disk, here DISK; RUN_ID is the finished run, which lies in runs/.
OUTPUTS = {
    "split": ["split", DATASET, "-o", "DISK/split.csv"],
    "compare": ["compare", "--format", "html", "-o", "DISK/table.html"],
    "report": ["report", "-o", "DISK/report.html"],
    "audit": ["audit", DATASET, "-o", "DISK/audit.html"],
    "audit --repair": ["audit", DATASET, "--repair", "DISK/split.csv"],
    "identify": [*IDENTIFY, "-o", "DISK/new.csv"],
    "identify --page": [*IDENTIFY, "--page", "DISK/new.html"],
    "cluster": ["cluster", "RUN_ID", "--device", "cpu", "-o", "DISK/clusters.csv"],
    "census": ["census", "RUN_ID", "--curve", "DISK/curve.csv"],
    "datasets": ["datasets", DATASET, "--open", "DISK/sheet.jpg"],
    "plugin new": ["plugin", "new", "stripes", "-o", "DISK/stripes"],
    "identify --enroll": [*ENROLL, "-o", "DISK/enlarged.csv"],
    "tune": [*TUNE, "-o", "DISK/best.json"],
    "run": [*RUN, "--split-seed", "1", "--runs", "DISK/runs"],
}
# Commands that write to the cache, which is on the disk: arguments, and what the cache has before.
CACHES = {
    "drawing": (["datasets", DATASET], ()),
    "extraction": ([*RUN, "--again"], ("patterns",)),
}
# Commands that write to the folder of temporary files, which is on the disk.
TEMPORARY = {
    "blindness": [*RUN, "--again"],
    "isolation": [*RUN, "--split-seed", "1", "--isolate"],
    "background": ["audit", "boxes.csv", "--background"],
}


def message_of(output):
    """Return the lines of the error message, which is the only one."""
    lines = output.splitlines()
    assert "Traceback" not in output
    assert sum(line.startswith("error:") for line in lines) == 1, output
    start = next(number for number, line in enumerate(lines) if line.startswith("error:"))
    message = lines[start : start + 3]
    assert [line.split(":")[0].strip() for line in message] == ["error", "where", "remedy"], output
    return " ".join(message)


def filled(args, world, disk):
    return [arg.replace("DISK", str(disk.folder)).replace("RUN_ID", world.run) for arg in args]


@pytest.fixture
def place(world, tmp_path):
    """A copy of the finished run, in which a command may write."""
    folder = tmp_path / "place"
    folder.mkdir()
    shutil.copytree(world.folder / "runs", folder / "runs")
    shutil.copytree(world.folder / "new", folder / "new")
    shutil.copytree(world.folder / "newcomer", folder / "newcomer")
    for name in ("boxes.csv", "decisions.csv", "mean_colour.py"):
        shutil.copy(world.folder / name, folder)
    return folder


@pytest.mark.parametrize("command", OUTPUTS)
def test_an_output_on_a_full_disk_is_one_message_and_the_command_works_when_there_is_space(
    command, reidbench, world, place, disk
):
    args, env = filled(OUTPUTS[command], world, disk), {"REIDBENCH_CACHE": str(world.cache)}
    limit = disk.fill()
    code, output = reidbench(args, place, env, limit)
    assert code == 1, output
    assert "No space left on device" in message_of(output) or not disk.mounted
    assert disk.files() == {}
    disk.free()
    code, output = reidbench(args, place, env)
    assert code == 0 and disk.files(), output


@pytest.mark.parametrize("command", OUTPUTS)
def test_an_output_on_a_read_only_disk_is_one_message(command, reidbench, world, place, disk):
    if not disk.mounted:
        pytest.skip("no disk can be mounted here")
    disk.remount("ro")
    args, env = filled(OUTPUTS[command], world, disk), {"REIDBENCH_CACHE": str(world.cache)}
    code, output = reidbench(args, place, env)
    assert code == 1 and "Read-only file system" in message_of(output), output


@pytest.fixture(scope="module")
def competition(reidbench, world, tmp_path_factory):
    """The folder of a competition in miniature, with a finished run on it; the arguments of its submission."""
    folder = tmp_path_factory.mktemp("competition")
    root = make_folder(folder / "clef", MINIATURE[2025], size=32)
    run = ["run", "--method", "color_histogram", "--dataset", "AnimalCLEF2025", "--root", root, "--device", "cpu"]
    code, output = reidbench(run, folder, {"REIDBENCH_CACHE": str(world.cache)})
    assert code == 0, output
    return folder, ["submit", next((folder / "runs").rglob("run.json")).parent.name, "--root", root, "--device", "cpu"]


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_submission_without_space_is_one_message_and_is_written_when_there_is_space(
    fault, reidbench, world, competition, disk
):
    folder, args = competition
    args, env = [*args, "-o", disk.folder / "submission.csv"], {"REIDBENCH_CACHE": str(world.cache)}
    code, output, reason = failed_on(disk, fault, reidbench, args, folder, env)
    assert code == 1 and reason in message_of(output), output
    assert disk.files() == {}
    disk.free()
    code, output = reidbench(args, folder, env)
    assert code == 0 and list(disk.files()) == ["submission.csv"], output


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_another_threshold_without_space_is_one_message_and_leaves_the_run(fault, reidbench, world, place, disk):
    shutil.copytree(place / "runs", disk.folder / "runs")
    before, env = disk.files(), {"REIDBENCH_CACHE": str(world.cache)}
    args = ["rethreshold", world.run, "--threshold", "max-score", "--runs", disk.folder / "runs"]
    code, output, reason = failed_on(disk, fault, reidbench, args, place, env)
    assert code == 1 and reason in message_of(output), output
    assert disk.files() == before
    disk.free()
    code, output = reidbench(args, place, env)
    assert code == 0, output
    after = disk.files()
    assert {name: after[name] for name in before} == before and len(after) > len(before)


def failed_on(disk, fault, reidbench, args, folder, env):
    """Run a command on a full or read-only disk, which is then writable again; return code, output and the reason."""
    if not disk.mounted:
        pytest.skip("no disk can be mounted here")
    if fault == "full":
        disk.fill()
        return *reidbench(args, folder, env), "No space left on device"
    disk.remount("ro")
    code, output = reidbench(args, folder, env)
    disk.remount("rw")
    return code, output, "Read-only file system"


def cache_on(disk, world, kept):
    for name in kept:
        shutil.copytree(world.cache / name, disk.folder / name)
    return {"REIDBENCH_CACHE": str(disk.folder)}


@pytest.mark.parametrize("left", [0, 20_000])
@pytest.mark.parametrize("command", CACHES)
def test_a_full_cache_is_one_message_and_the_command_works_when_there_is_space(
    command, left, reidbench, world, place, disk
):
    args, kept = CACHES[command]
    env = cache_on(disk, world, kept)
    before = disk.files()
    limit = disk.fill(left)
    code, output = reidbench(args, place, env, limit)
    assert code == 1, output
    assert "No space left on device" in message_of(output) or not disk.mounted
    after = disk.files()
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in after if ".tmp" in name]
    disk.free()
    code, output = reidbench(args, place, env)
    assert code == 0, output


@pytest.mark.parametrize("command", CACHES)
def test_a_read_only_cache_is_one_message(command, reidbench, world, place, disk):
    if not disk.mounted:
        pytest.skip("no disk can be mounted here")
    args, kept = CACHES[command]
    env = cache_on(disk, world, kept)
    disk.remount("ro")
    code, output = reidbench(args, place, env)
    assert code == 1 and "Read-only file system" in message_of(output), output


def test_a_run_whose_features_are_in_a_read_only_cache_is_made(reidbench, world, place, disk):
    if not disk.mounted:
        pytest.skip("no disk can be mounted here")
    env = cache_on(disk, world, ("patterns", "representations"))
    disk.remount("ro")
    code, output = reidbench([*RUN, "--again"], place, env)
    assert code == 0, output


@pytest.mark.parametrize("command", TEMPORARY)
def test_a_full_folder_of_temporary_files_is_one_message(command, reidbench, world, place, disk):
    if not disk.mounted:
        pytest.skip("no disk can be mounted here")
    shutil.copytree(world.cache / "patterns", place / "cache" / "patterns")  # without features
    env = {"REIDBENCH_CACHE": str(place / "cache"), "TMPDIR": str(disk.folder)}
    disk.fill(4096)  # with less, Python would use another folder
    code, output = reidbench(TEMPORARY[command], place, env)
    assert code == 1 and "No space left on device" in output and "Traceback" not in output, output
    assert disk.files() == {}
    disk.free()
    code, output = reidbench(TEMPORARY[command], place, env)
    assert code == 0, output


TRAINING = [
    "run", "--method", "triplet_effnet", "--dataset", DATASET, "--device", "cpu", "--set", "backbone=test_resnet",
    "--set", "weights=random", "--set", "size=32", "--set", "epochs=1",
]  # fmt: skip


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_training_without_space_for_its_checkpoint_is_one_message(fault, reidbench, world, place, disk):
    if not disk.mounted:
        pytest.skip("no disk can be mounted here")
    env = cache_on(disk, world, ("patterns",))
    if fault == "full":
        disk.fill(40_000)
    else:
        disk.remount("ro")
    code, output = reidbench(TRAINING, place, env)
    reason = "No space left on device" if fault == "full" else "Read-only file system"
    assert code == 1 and reason in message_of(output), output


def test_a_table_that_does_not_fit_on_the_disk_of_stdout_is_one_message(reidbench, world, place, disk):
    if not disk.mounted:
        pytest.skip("no disk can be mounted here")
    disk.fill()
    code, output = reidbench(["compare"], place, stdout=str(disk.folder / "table.txt"))
    assert code == 1 and "No space left on device" in message_of(output), output


def test_the_result_after_a_full_disk_is_that_of_a_disk_with_space(reidbench, world, place, disk):
    env = {"REIDBENCH_CACHE": str(world.cache)}
    runs = {}
    for name in ("plain", "DISK/runs"):
        args = filled([*RUN, "--split-seed", "4", "--runs", name], world, disk)
        if name != "plain":
            for left in (0, 4096, 12_288):
                limit = disk.fill(left)
                assert reidbench(args, place, env, limit)[0] == 1
                disk.free()
        code, output = reidbench(args, place, env)
        assert code == 0, output
        folder = next((place / args[-1]).rglob("run.json")).parent
        runs[name] = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}
    assert runs["plain"] == runs["DISK/runs"] and len(runs["plain"]) >= 3


def test_no_writer_is_used_that_hides_a_full_disk():
    # cv2.imwrite returns False, np.save and array.tofile lose the reason, torch.save raises a RuntimeError.
    hides = re.compile(r"\bimwrite\(|\bnp\.save\(|\.tofile\(|torch\.save\((?!.*, file\))")
    root = Path(__file__).parents[2]
    sources = [*(root / "reidbench").rglob("*.py"), *(root / "plugins").rglob("*.py")]
    found = [f"{path.relative_to(root)}: {match[0]}" for path in sources
             for match in hides.finditer(path.read_text(encoding="utf-8"))]  # fmt: skip
    assert len(sources) > 200 and found == []
