"""Fixtures: a catalogue of drawn animals with a finished run, and new photographs of known and new animals."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import reidbench
from reidbench.progress import Progress
from reidbench.records.run_record import RunRecord
from reidbench.running.evaluation import evaluate

HOSTILE = '<script>window.hacked=1</script>" onerror="window.hacked=2'


@dataclass(frozen=True)
class Field:
    """A run on a catalogue, and new photographs with their true identities; ``truth`` is empty for a new animal."""

    catalogue: Path
    runs_dir: Path
    record: RunRecord
    photographs: Path
    truth: dict[str, str]

    def arguments(self) -> list[str]:
        return ["--run", str(self.record.path), "--dataset", str(self.catalogue), "--device", "cpu"]


def write_catalogue(folder: Path, prefix: str = "") -> tuple[Path, Path, dict[str, str]]:
    """Split drawn turtles into a catalogue and new photographs.

    The new photographs show each known animal that has more than five images once, and new animals five times.
    """
    images = reidbench.load_dataset("patterns:identities=24,size=64,level=easy")
    table = images.table[images.table["group"] == "turtle"]
    names = sorted(set(table["identity"]))
    photographs = folder / "new"
    photographs.mkdir(parents=True)
    truth: dict[str, str] = {}
    with (folder / "catalogue.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "identity", "path", "dataset"))
        for index, row in table.iterrows():
            path = images.image_path(int(index))
            of_animal = table.index[table["identity"] == row["identity"]]
            is_new = row["identity"] in names[-2:]
            if is_new and list(truth.values()).count("") >= 5:
                continue
            if is_new or (len(of_animal) > 5 and index == of_animal[-1]):
                name = f"IMG_{len(truth):02d}{path.suffix}"
                shutil.copy(path, photographs / name)
                truth[name] = "" if is_new else prefix + row["identity"]
            else:
                writer.writerow((row["image_id"], prefix + row["identity"], path.resolve(), "turtle"))
    return folder / "catalogue.csv", photographs, truth


@pytest.fixture(scope="session")
def field(tmp_path_factory) -> Field:
    folder = tmp_path_factory.mktemp("field")
    catalogue, photographs, truth = write_catalogue(folder)
    record = evaluate("sift", str(catalogue), runs_dir=folder / "runs", progress=Progress(), device="cpu")
    return Field(catalogue, folder / "runs", record, photographs, truth)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> Field:
    """The same with identities that contain HTML."""
    folder = tmp_path_factory.mktemp("hostile")
    catalogue, photographs, truth = write_catalogue(folder, HOSTILE)
    record = evaluate("color_histogram", str(catalogue), runs_dir=folder / "runs", progress=Progress(), device="cpu")
    return Field(catalogue, folder / "runs", record, photographs, truth)
