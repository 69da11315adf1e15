"""From a competition's folder to the file that it takes."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest

import reidbench
from benchmarks.animalclef.counts import MINIATURE
from benchmarks.animalclef.folder import make_folder
from reidbench.data.competitions import COMPETITIONS, read_sample
from reidbench.data.competitions.answers import check_submission
from reidbench.errors import ReidbenchError
from reidbench.methods.contract import EmbeddingMethod, FitReport, MethodSpec, Settings
from reidbench.progress import Progress
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import Offer, Registry
from reidbench.running.evaluation import evaluate
from reidbench.submitting.submit import submit

CLEF = COMPETITIONS["AnimalCLEF2025"]


class Learner(EmbeddingMethod):
    """Colour, seen through a number that only ``fit`` knows."""

    learns = True
    scale = 0.0

    def fit(self, train, context):
        self.scale = 1.0 + len(train.identities)
        return FitReport()

    def embed(self, pixels):
        assert self.scale, "a network that was never fitted"
        return np.stack([image.reshape(-1, 3).mean(0) / self.scale for image in pixels])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("clef25"), MINIATURE[2025], size=32)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    images = load_dataset("AnimalCLEF2025", folder)
    return evaluate("color_histogram", images, runs_dir=tmp_path_factory.mktemp("runs"), progress=Progress())


@pytest.fixture(scope="module")
def submission(run, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "submission.csv"
    return submit(run, path, root=folder, progress=Progress())


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_image_of_the_sample_is_answered_in_its_order(submission, folder):
    rows = rows_of(submission.path)
    assert [row["image_id"] for row in rows] == read_sample(CLEF, folder)
    assert list(rows[0]) == ["image_id", "identity"]
    images = load_dataset("AnimalCLEF2025", folder)
    lives_in = dict(zip(images.table["identity"], images.table["group"], strict=True))
    asked = images.given.asked
    group = dict(zip(asked.table["image_id"], asked.table["group"], strict=True))
    named = [row for row in rows if row["identity"] != "new_individual"]
    assert named and all(lives_in[row["identity"]] == group[row["image_id"]] for row in named)


def test_the_whole_database_is_the_gallery(submission, run):
    assert {name: each.n_gallery for name, each in submission.groups.items()} == {
        "LynxID2025": 90, "SalamanderID2025": 75, "SeaTurtleID2022": 150,
    }  # fmt: skip
    assert sum(each.n_queries for each in submission.groups.values()) == 70
    assert run.data["split"]["counts"]["gallery"] < 315
    assert submission.run_score == run.metrics["score"]


def test_it_is_worth_something_on_the_solution(submission, folder):
    truth = folder / "solution.csv"
    assert reidbench.score(submission.path, truth).overall.score > 0.3


def test_it_repeats_to_the_byte(submission, run, folder, tmp_path):
    again = submit(run, tmp_path / "again.csv", root=folder, progress=Progress())
    assert again.path.read_bytes() == submission.path.read_bytes()


def test_a_policy_that_looks_at_the_gallery_looks_at_all_of_it(folder, tmp_path):
    images = load_dataset("AnimalCLEF2025", folder)
    record = evaluate("color_histogram", images, runs_dir=tmp_path, threshold="leave-identity-out", progress=Progress())
    made = submit(record, tmp_path / "s.csv", root=folder, progress=Progress())
    assert made.path.exists() and made.groups["LynxID2025"].threshold != made.groups["LynxID2025"].run_threshold


def test_a_fusion_answers_behind_its_shortlist(folder, tmp_path):
    images = load_dataset("AnimalCLEF2025", folder)
    settings = {"parts": "color_histogram,sift", "shortlist": "5", "calibration_pairs": "1000"}
    record = evaluate("wildfusion", images, runs_dir=tmp_path, settings=settings, progress=Progress())
    made = submit(record, tmp_path / "s.csv", root=folder, progress=Progress())
    assert reidbench.score(made.path, folder / "solution.csv").overall.score > 0.3


def test_a_trained_network_answers_the_queries_after_the_run(folder, tmp_path, monkeypatch):
    registry = Registry((Offer(MethodSpec("learner", "", Settings, Learner), "tests", "1"),), ())
    images = load_dataset("AnimalCLEF2025", folder)
    record = evaluate("learner", images, runs_dir=tmp_path, registry=registry, progress=Progress())
    made = submit(record, tmp_path / "s.csv", root=folder, registry=registry, progress=Progress())
    assert len(rows_of(made.path)) == 70
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "another"))
    # Another cache: the network is trained again on the same images, and what it says is consistent in itself.
    again = submit(record, tmp_path / "t.csv", root=folder, registry=registry, progress=Progress())
    assert again.path.read_bytes() == made.path.read_bytes()


def test_a_run_that_asks_nothing_and_a_folder_of_others_are_errors(run, folder, tmp_path):
    other = evaluate("color_histogram", "patterns:identities=12,size=32,level=easy", runs_dir=tmp_path,
                     progress=Progress())  # fmt: skip
    with pytest.raises(ReidbenchError, match="asks nothing"):
        submit(other, tmp_path / "s.csv", root=folder)
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    lines = (changed / "metadata.csv").read_text().splitlines()
    dropped = next(line for line in lines if ",database," in line)
    (changed / "metadata.csv").write_text("\n".join(line for line in lines if line != dropped) + "\n")
    with pytest.raises(ReidbenchError, match="not the dataset of the run: 314 images against 315"):
        submit(run, tmp_path / "s.csv", root=changed, progress=Progress())
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize(("told", "message"), [("gone", "no longer in 'gone'"), (None, "the record names none")])
def test_a_run_whose_folder_is_gone_asks_for_it(run, tmp_path, told, message):
    moved = replace(run, data=run.data | {"dataset": run.data["dataset"] | {"root": told}})
    with pytest.raises(ReidbenchError, match=message) as caught:
        submit(moved, tmp_path / "s.csv", progress=Progress())
    assert caught.value.remedy.startswith("--root DIR")


@pytest.mark.parametrize(
    ("change", "message", "row"),
    [
        (lambda rows: [["image_id", "answer"], *rows[1:]], "columns are image_id, answer", 1),
        (lambda rows: rows[:-1], "69 rows, the sample has 70", None),
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], "order is not the sample's", 2),
        (lambda rows: [rows[0], [rows[1][0], ""], *rows[2:]], "the answer is empty", 2),
        (lambda rows: [rows[0], [rows[1][0], "nobody"], *rows[2:]], "no identity of the database", 2),
        (lambda rows: [rows[0], [rows[1][0], "SeaTurtleID2022_turtle_0"], *rows[2:]], "lives in SeaTurtleID2022", 2),
    ],
)
def test_the_check_refuses_what_the_organisers_would(submission, folder, tmp_path, change, message, row):
    with submission.path.open(newline="") as file:
        rows = list(csv.reader(file))
    path = tmp_path / "changed.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(change(rows))
    images = load_dataset("AnimalCLEF2025", folder)
    with pytest.raises(ReidbenchError, match=message) as caught:
        check_submission(path, CLEF, images, read_sample(CLEF, folder))
    assert row is None or caught.value.where.endswith(f"row {row}")


def test_the_command_says_what_was_written(run, folder, tmp_path):
    from typer.testing import CliRunner

    from reidbench.cli.main import app

    output = tmp_path / "s.csv"
    done = CliRunner().invoke(app, ["submit", str(run.path), "-o", str(output)])  # the record knows the folder
    assert done.exit_code == 0, done.output
    assert "LynxID2025" in done.output and "with the whole database" in " ".join(done.output.split())
    assert len(rows_of(output)) == 70
