"""Clusters of a saved run, of a competition, and of a file."""

import csv
import json

import pytest
from typer.testing import CliRunner

from benchmarks.animalclef.counts import MINIATURE
from benchmarks.animalclef.folder import make_folder
from reidbench.cli.main import app
from reidbench.clustering.saved_run import cluster_run
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.registry.datasets import load_dataset
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate
from reidbench.running.reopening import reopen
from reidbench.scoring.clusters import score_cluster_file
from reidbench.submitting.submit import submit


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("clef26"), MINIATURE[2026], edition=2026, size=32)


@pytest.fixture(scope="module")
def images(folder):
    return load_dataset("AnimalCLEF2026", folder)


@pytest.fixture(scope="module")
def run(images, tmp_path_factory):
    return evaluate("color_histogram", images, runs_dir=tmp_path_factory.mktemp("runs"), progress=Progress())


def test_clustering_a_run_extracts_no_features_again(run, images, monkeypatch):
    def fail(*_):
        raise AssertionError("features were extracted again")

    monkeypatch.setattr("reidbench.methods.contract.EmbeddingMethod.represent", fail)
    clustered = cluster_run(reopen(run, images, registry=load_registry(), progress=Progress()))
    assert set(clustered.score.groups) == {"LynxID2025", "SalamanderID2025", "SeaTurtleID2022"}
    assert clustered.score.overall.ari > 0.3
    assert clustered.score.overall.n_images == run.data.split.counts["test"]
    assert all(
        name.startswith(f"cluster_{group}_") for name, group in zip(clustered.cluster, clustered.group, strict=True)
    )


def test_the_submission_clusters_every_query_also_of_a_dataset_without_training_images(run, folder, tmp_path):
    submission = submit(run, tmp_path / "s.csv", root=folder, progress=Progress())
    with submission.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "sample_submission.csv").open(newline="") as file:
        assert [row["image_id"] for row in rows] == [row["image_id"] for row in csv.DictReader(file)]
    assert list(rows[0]) == ["image_id", "cluster"]
    lizards = submission.groups["TexasHornedLizards"]
    assert lizards.n_queries == 9 and lizards.n_gallery == 0
    assert {row["cluster"].split("_")[1] for row in rows} == set(submission.groups)
    assert score_cluster_file(submission.path, folder / "solution.csv").overall.ari > 0.2


def test_a_calibrated_fusion_is_clustered_by_its_probabilities(images, tmp_path):
    settings = {"parts": "color_histogram,sift", "shortlist": "5", "calibration_pairs": "1000"}
    record = evaluate("wildfusion", images, runs_dir=tmp_path, settings=settings, progress=Progress())
    clustered = cluster_run(reopen(record, images, registry=load_registry(), progress=Progress()))
    assert clustered.score.overall.ari > 0.3


def test_the_commands_print_tables_and_json(run, folder, tmp_path):
    output = tmp_path / "clusters.csv"
    options = ["cluster", str(run.path), "--root", str(folder), "-o", str(output)]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0 and "Two clusters are joined if" in result.output, result.output
    printed = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert printed["overall"]["ari"] == pytest.approx(
        printed["groups"] and sum(group["ari"] for group in printed["groups"].values()) / 3
    )
    identity = dict(
        zip(*(load_dataset("AnimalCLEF2026", folder).table[n] for n in ("image_id", "identity")), strict=True)
    )
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    truth = tmp_path / "truth.csv"
    with truth.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "identity", "group"))
        writer.writerows((r["image_id"], identity[r["image_id"]], r["cluster"].split("_")[1]) for r in rows)
    scored = CliRunner().invoke(app, ["score", str(output), "--truth", str(truth), "--task", "clustering", "--json"])
    assert json.loads(scored.stdout)["overall"]["ari"] == pytest.approx(printed["overall"]["ari"])


@pytest.mark.parametrize(
    ("clusters", "message"),
    [
        ("image_id,cluster\n1,x\n", "1 image_ids are missing"),
        ("image_id,cluster\n1,x\n2,x\n3,x\n", "1 image_ids are not in the truth"),
        ("image_id,cluster\n1,x\n1,x\n2,x\n", "'1' is in the predictions twice"),
        ("image_id,cluster\n1,\n2,x\n", "'1' has no cluster"),
        ("image_id,identity\n1,x\n2,x\n", "no column cluster"),
        ("image_id,cluster\n", "no rows"),
    ],
)
def test_the_error_for_an_invalid_file_of_clusters_gives_the_reason(tmp_path, clusters, message):
    (tmp_path / "truth.csv").write_text("image_id,identity\n1,a\n2,a\n")
    (tmp_path / "p.csv").write_text(clusters)
    with pytest.raises(ReidbenchError, match=message):
        score_cluster_file(tmp_path / "p.csv", tmp_path / "truth.csv")


def test_other_columns_of_a_file_of_clusters_are_ignored(tmp_path):
    (tmp_path / "truth.csv").write_text("image_id,identity\n1,a\n2,a\n")
    (tmp_path / "p.csv").write_text("image_id,cluster,more\n2,x,1\n1,x,1\n")
    assert score_cluster_file(tmp_path / "p.csv", tmp_path / "truth.csv").overall.n_found == 1


def test_a_method_that_predicts_trained_animals_cannot_cluster(run, images):
    reopened = reopen(run, images, registry=load_registry(), progress=Progress())
    reopened.method.matching = "identity"
    with pytest.raises(ReidbenchError, match="cannot compare two images"):
        cluster_run(reopened)
