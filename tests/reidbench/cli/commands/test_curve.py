"""``reidbench curve`` as it is called."""

import json

import pytest
from typer.testing import CliRunner

import reidbench
from reidbench.cli.commands.curve import curve
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate

SMALL = "patterns:identities=24,size=64,level=easy"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curve") / "runs"
    images = reidbench.load_dataset(SMALL)
    return evaluate("color_histogram", images, runs_dir=folder, progress=Progress(), device="cpu")


def call(run, *arguments):
    runs_dir = run.path.parent.parent.parent
    done = CliRunner().invoke(curve, [*map(str, arguments), "--runs", str(runs_dir)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_gallery_sizes_end_with_the_run_itself(run):
    (row,) = json.loads(call(run, "gallery-size", run.id, "--draws", "2", "--json"))
    assert row["sizes"][-1]["mean"]["score"] == pytest.approx(run.metrics["score"], abs=1e-6)
    assert row["sizes"][-1]["n_identities"] > row["sizes"][0]["n_identities"]
    text = call(run, "gallery-size", run.path, "--draws", "2")
    assert "Fewer animals enrolled" in text and f"{run.metrics['score']:.3f}" in text


def test_images_of_each_animal(run):
    (found,) = json.loads(call(run, "images-per-identity", run.id, "--keep", "1", "--draws", "1", "--json"))
    assert found["points"][-1]["metrics"]["score"] == run.metrics["score"]
    text = call(run, "images-per-identity", run.id, "--keep", "1", "--draws", "1", "--dataset", SMALL)
    assert "Fewer images of each animal" in text


def test_nothing_is_carried_from_one_dataset(run):
    assert "no method was run" in call(run, "carried")
    assert json.loads(call(run, "carried", "--json")) == []


def test_a_run_that_is_not_there_is_said(run):
    with pytest.raises(ReidbenchError, match="no finished run 'zzz'"):
        call(run, "gallery-size", "zzz")
