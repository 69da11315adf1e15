"""Small finished runs that several tests read: of an honest dataset, and of one that would like to run script."""

from __future__ import annotations

import contextlib
import csv
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import reidbench
from reidbench.progress import Progress
from reidbench.records.run_record import RunRecord
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"
HOSTILE = "<script>window.hacked=1</script>"
ATTRIBUTE = '" onerror="window.hacked=2'


@dataclass(frozen=True)
class Finished:
    """Runs of three datasets in one folder, and the table of the hostile one."""

    runs_dir: Path
    hostile_csv: Path
    records: tuple[RunRecord, ...]

    def of(self, dataset: str) -> list[RunRecord]:
        return [record for record in self.records if record.dataset.startswith(dataset)]


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    images = reidbench.load_dataset(SMALL)
    runs_dir = tmp_path_factory.mktemp("report") / "runs"
    hostile_csv = write_hostile(images, tmp_path_factory.mktemp("hostile"))
    quiet = {"runs_dir": runs_dir, "progress": Progress(), "device": "cpu"}
    methods = ("color_histogram", "sift")
    records = [evaluate(name, images, split_seed=seed, **quiet) for name in methods for seed in (0, 1)]
    records += [evaluate(name, str(hostile_csv), **quiet) for name in methods]
    return Finished(runs_dir, hostile_csv, tuple(records))


def write_hostile(images: reidbench.ImageSet, folder: Path) -> Path:
    """Copy images under names, ids and groups that are markup, and every identity too."""
    table = images.table
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "identity", "path", "dataset"))
        for index in range(len(images)):
            name = f"{index} <b>&\"'.png"
            shutil.copy(images.image_path(index), folder / name)
            identity, group = table["identity"].iloc[index], table["group"].iloc[index]
            writer.writerow((f"{ATTRIBUTE} {index}", f"{HOSTILE}{identity}", name, f"</title>{HOSTILE}{group}"))
    return folder / "metadata.csv"


@pytest.fixture
def full_disk():
    """Return a context in which no file of this process can grow beyond a size in bytes."""

    @contextlib.contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
