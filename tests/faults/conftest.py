"""A server that forks warm processes, and a small catalogue with runs of two methods."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from reidbench.files import owner_of_leftover

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TIMES = {"timing", "environment", "created", "seconds", "train_s", "run.json", "scores.npz"}
"""Keys of ``run.json`` that differ between equal runs: times, the machine, and the digests of files that hold times."""


class WarmProcesses:
    """Runs command lines in forked processes."""

    def __init__(self):
        path = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "plugins"), os.environ.get("PYTHONPATH", ""))))
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "warm_processes.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"},
        )
        assert self.process.stdout.readline() == "ready\n"

    def together(self, *requests):
        """Run requests at the same time; return their replies."""
        self.process.stdin.write(json.dumps({"together": requests}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Workplace:
    """A folder with a catalogue, new photographs, and places for runs and the cache."""

    server: WarmProcesses
    folder: Path

    def request(self, *commands, kill=0):
        cache = {"REIDBENCH_CACHE": str(self.folder / "cache"), "TMPDIR": str(self.folder / "temporary")}
        return {"commands": commands, "cwd": str(self.folder), "env": cache, "kill": kill}

    def run(self, *commands, kill=0):
        """Run commands one after another in one process; return the reply."""
        return self.server.together(self.request(*commands, kill=kill))[0]

    def run_of(self, method):
        """Return the folder of the only run of a method, below the workplace."""
        (record,) = self.folder.glob(f"runs/*/{method}/*/run.json")
        return record.parent.relative_to(self.folder).as_posix()

    def results(self):
        """Return the content of every result: runs and tables, without times, environment and notes of resumption."""
        files = {}
        for path in sorted((*self.folder.glob("runs/**/*"), *self.folder.glob("*.csv"))):
            below = path.relative_to(self.folder)
            if path.is_file() and not any(owner_of_leftover(Path(part)) for part in below.parts):
                files[below.as_posix()] = content_of(path)
        return files


def content_of(path):
    """Return the content of a file in a form that is equal for equal results."""
    if path.name == "run.json":
        return json.dumps(without_times(json.loads(path.read_text(encoding="utf-8"))), sort_keys=True)
    if zipfile.is_zipfile(path):  # the archive holds the time of its entries
        with np.load(path, allow_pickle=False) as arrays:
            return {name: (str(arrays[name].dtype), arrays[name].shape, arrays[name].tobytes()) for name in arrays}
    return path.read_bytes()


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(entry) for key, entry in value.items() if key not in TIMES and key != "sha256"}
    if isinstance(value, list):
        return [without_times(each) for each in value if not str(each).startswith("resumed after epoch")]
    return value


@pytest.fixture(scope="session")
def warm_processes():
    server = WarmProcesses()
    yield server
    server.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Twelve drawn animals in a table without groups, and two new photographs."""
    from reidbench.data.patterns import PatternsOptions, draw_dataset

    folder = tmp_path_factory.mktemp("faults")
    draw_dataset(PatternsOptions(identities=12, size=64, level="easy"), folder / "catalogue", workers=1)
    table = folder / "catalogue" / "metadata.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "identity", "path", "date"))
        writer.writerows([row[name] for name in ("image_id", "identity", "path", "date")] for row in rows)
    (folder / "new").mkdir()
    draw_dataset(PatternsOptions(identities=1, size=64, level="easy", seed=9), folder / "other", workers=1)
    for number, picture in enumerate(sorted((folder / "other").rglob("*.jpg"))[:2]):
        shutil.copyfile(picture, folder / "new" / f"{number}.jpg")
    shutil.rmtree(folder / "other")
    shutil.copyfile(HERE / "tiny_plugin.py", folder / "tiny_plugin.py")
    (folder / "temporary").mkdir()
    return folder


@pytest.fixture(scope="session")
def make_workplace(warm_processes, template):
    """Return a function that makes a workplace in a new folder."""

    def make(folder):
        shutil.copytree(template, folder)
        return Workplace(warm_processes, folder)

    return make


@pytest.fixture
def workplace(make_workplace, tmp_path):
    return make_workplace(tmp_path / "work")
