"""From the folder of a competition to the submission file."""

import csv
import shutil
from pathlib import Path

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
from tests.reidbench.records.example import changed

CLEF = COMPETITIONS["AnimalCLEF2025"]


class Learner(EmbeddingMethod):
    """Mean colour divided by a number that only ``fit`` sets."""

    learns = True
    scale = 0.0

    def fit(self, train, context):
        self.scale = 1.0 + len(train.identities)
        return FitReport()

    def embed(self, pixels):
        assert self.scale, "the method was never fitted"
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


def write_rows(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_the_submission_has_the_rows_of_the_sample_and_identities_of_the_right_dataset(submission, folder):
    rows = rows_of(submission.path)
    assert [row["image_id"] for row in rows] == read_sample(CLEF, folder)
    assert list(rows[0]) == ["image_id", "identity"]
    images = load_dataset("AnimalCLEF2025", folder)
    group_of_identity = dict(zip(images.table["identity"], images.table["group"], strict=True))
    queries = images.given.asked
    group_of_query = dict(zip(queries.table["image_id"], queries.table["group"], strict=True))
    known = [row for row in rows if row["identity"] != "new_individual"]
    assert known and all(group_of_identity[row["identity"]] == group_of_query[row["image_id"]] for row in known)


def test_queries_of_a_group_without_database_are_an_error(run, folder, tmp_path):
    copy = tmp_path / "clef25"
    shutil.copytree(folder, copy)
    lines = (copy / "metadata.csv").read_text().splitlines(keepends=True)
    n_query = sum(",query," in line and "LynxID2025" in line for line in lines)
    for row, line in enumerate(lines):
        if ",query," in line:  # another name in the column dataset, and not in the path
            lines[row] = line.replace("LynxID2025", "BadgerID").replace("images/BadgerID", "images/LynxID2025")
    (copy / "metadata.csv").write_text("".join(lines))
    with pytest.raises(ReidbenchError, match=f"'BadgerID' \\({n_query} queries\\)") as caught:
        submit(run, tmp_path / "submission.csv", root=copy, progress=Progress())
    assert "--gallery all" in caught.value.remedy and not (tmp_path / "submission.csv").exists()


def test_the_whole_database_is_the_gallery(submission, run):
    assert {name: group.n_gallery for name, group in submission.groups.items()} == {
        "LynxID2025": 90, "SalamanderID2025": 75, "SeaTurtleID2022": 150,
    }  # fmt: skip
    assert sum(group.n_queries for group in submission.groups.values()) == 70
    assert run.data.split.counts["gallery"] < 315
    assert submission.run_score == run.metrics["score"]


def test_the_submission_scores_well_on_the_solution(submission, folder):
    truth = folder / "solution.csv"
    assert reidbench.score(submission.path, truth).overall.score > 0.3


def test_a_second_submission_has_the_same_bytes(submission, run, folder, tmp_path):
    again = submit(run, tmp_path / "again.csv", root=folder, progress=Progress())
    assert again.path.read_bytes() == submission.path.read_bytes()


def test_the_predictions_are_the_same_when_ids_and_paths_of_the_folder_have_changed(submission, run, folder, tmp_path):
    copy = tmp_path / "renamed"
    shutil.copytree(folder, copy)
    rows = rows_of(folder / "metadata.csv")
    new_id = {row["image_id"]: str(9000 - place) for place, row in enumerate(rows)}  # the other way round
    for row in rows:
        name = Path(row["path"]).with_name(f"photo {new_id[row['image_id']]}{Path(row['path']).suffix}")
        (copy / row["path"]).rename(copy / name)
        row |= {"image_id": new_id[row["image_id"]], "path": str(name)}
    write_rows(copy / "metadata.csv", rows[::-1])
    sample = rows_of(folder / "sample_submission.csv")
    write_rows(copy / "sample_submission.csv", [row | {"image_id": new_id[row["image_id"]]} for row in sample])
    again = submit(run, tmp_path / "again.csv", root=copy, progress=Progress())
    renamed = [row | {"image_id": new_id[row["image_id"]]} for row in rows_of(submission.path)]
    assert rows_of(again.path) == renamed
    assert len({row["identity"] for row in renamed}) > 10


def test_a_policy_that_needs_the_gallery_gets_the_whole_database(folder, tmp_path):
    images = load_dataset("AnimalCLEF2025", folder)
    record = evaluate("color_histogram", images, runs_dir=tmp_path, threshold="leave-identity-out", progress=Progress())
    submission = submit(record, tmp_path / "s.csv", root=folder, progress=Progress())
    lynx = submission.groups["LynxID2025"]
    assert submission.path.exists() and lynx.threshold != lynx.run_threshold


def test_a_fusion_with_a_shortlist_can_be_submitted(folder, tmp_path):
    images = load_dataset("AnimalCLEF2025", folder)
    settings = {"parts": "color_histogram,sift", "shortlist": "5", "calibration_pairs": "1000"}
    record = evaluate("wildfusion", images, runs_dir=tmp_path, settings=settings, progress=Progress())
    submission = submit(record, tmp_path / "s.csv", root=folder, progress=Progress())
    assert reidbench.score(submission.path, folder / "solution.csv").overall.score > 0.3


def test_a_trained_method_is_submitted_from_the_cache_or_trained_again(folder, tmp_path, monkeypatch):
    registry = Registry((Offer(MethodSpec("learner", "", Settings, Learner), "tests", "1"),), ())
    images = load_dataset("AnimalCLEF2025", folder)
    record = evaluate("learner", images, runs_dir=tmp_path, registry=registry, progress=Progress())
    submission = submit(record, tmp_path / "s.csv", root=folder, registry=registry, progress=Progress())
    assert len(rows_of(submission.path)) == 70
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "another"))
    # With an empty cache the method is trained again on the same images and gives the same predictions.
    again = submit(record, tmp_path / "t.csv", root=folder, registry=registry, progress=Progress())
    assert again.path.read_bytes() == submission.path.read_bytes()


def test_a_run_on_no_competition_and_a_changed_folder_are_errors(run, folder, tmp_path):
    other = evaluate("color_histogram", "patterns:identities=12,size=32,level=easy", runs_dir=tmp_path,
                     progress=Progress())  # fmt: skip
    with pytest.raises(ReidbenchError, match="not the dataset of a competition"):
        submit(other, tmp_path / "s.csv", root=folder)
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    lines = (changed / "metadata.csv").read_text().splitlines()
    dropped = next(line for line in lines if ",database," in line)
    (changed / "metadata.csv").write_text("\n".join(line for line in lines if line != dropped) + "\n")
    with pytest.raises(ReidbenchError, match="not the dataset of the run, or has changed: it has 314 images, not 315"):
        submit(run, tmp_path / "s.csv", root=changed, progress=Progress())
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize(
    ("root", "message"), [("gone", "no longer at 'gone'"), (None, "is unknown: the run did not record it")]
)
def test_the_remedy_for_a_missing_folder_is_the_option_root(run, tmp_path, root, message):
    moved = changed(run, dataset={**run.data.dataset.to_json(), "root": root})
    with pytest.raises(ReidbenchError, match=message) as caught:
        submit(moved, tmp_path / "s.csv", progress=Progress())
    assert caught.value.remedy.startswith("--root DIR")


@pytest.mark.parametrize(
    ("change", "message", "row"),
    [
        (lambda rows: [["image_id", "answer"], *rows[1:]], "columns are image_id, answer", 1),
        (lambda rows: rows[:-1], "69 rows, the sample has 70", None),
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], "order is not the sample's", 2),
        (lambda rows: [rows[0], [rows[1][0], ""], *rows[2:]], "the prediction is empty", 2),
        (lambda rows: [rows[0], [rows[1][0], "nobody"], *rows[2:]], "the database has no identity", 2),
        (lambda rows: [rows[0], [rows[1][0], "SeaTurtleID2022_turtle_0"], *rows[2:]], "belongs to SeaTurtleID2022", 2),
    ],
)
def test_a_file_that_the_organisers_would_refuse_is_an_error(submission, folder, tmp_path, change, message, row):
    with submission.path.open(newline="") as file:
        rows = list(csv.reader(file))
    path = tmp_path / "changed.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(change(rows))
    images = load_dataset("AnimalCLEF2025", folder)
    with pytest.raises(ReidbenchError, match=message) as caught:
        check_submission(path, CLEF, images, read_sample(CLEF, folder))
    assert row is None or caught.value.where.endswith(f"row {row}")


def test_the_command_prints_each_dataset_and_the_scores(run, folder, tmp_path):
    from typer.testing import CliRunner

    from reidbench.cli.main import app

    output = tmp_path / "s.csv"
    result = CliRunner().invoke(app, ["submit", str(run.path), "-o", str(output)])  # the record has the folder
    assert result.exit_code == 0, result.output
    assert "LynxID2025" in result.output and "with the whole database" in " ".join(result.output.split())
    assert len(rows_of(output)) == 70
