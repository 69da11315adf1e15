"""A run folder that 0.1.0 wrote, under schema 2, is used like one of today; numbers below are what 0.1.0 printed."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app

RUN_ID = "afedd1c4b32df774"
METRICS = {"score": 0.23570226039551587, "baks": 0.125, "baus": 0.75, "auroc": 0.6, "false_new": 8}
INTERVALS = {"score_low": 0.17568405155118416, "score_high": 0.6026386694890102}


@pytest.fixture
def runs_dir(tmp_path):
    return Path(shutil.copytree(Path(__file__).parent / "schema_2", tmp_path / "runs"))


def call(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_is_found_and_read(runs_dir):
    (record,) = reidbench.load_runs(runs_dir)
    assert (record.id, record.method, record.split_seed) == (RUN_ID, "color_histogram", 0)
    assert {name: record.metrics[name] for name in METRICS} == METRICS
    test = reidbench.read_saved_run(record).test
    assert len(test.image_id) == 14
    assert int(test.answers.known.sum()) == 10
    assert test.answers.best_score[0] == 0.36898744106292725


def test_it_is_compared(runs_dir):
    (row,) = json.loads(call("compare", "--runs", runs_dir, "--json"))
    assert {name: row[name] for name in METRICS} == METRICS
    assert {name: row[name] for name in INTERVALS} == pytest.approx(INTERVALS)
    assert (row["seconds"], row["peak_memory_mib"], row["blindness"]) == (0.032, 318.4, "blind")


def test_a_metric_that_it_is_older_than_is_null_with_the_reason(runs_dir, tmp_path):
    (row,) = json.loads(call("compare", "--runs", runs_dir, "--json"))
    assert row["mrr"] is None and row["reasons"]["mrr"] == "a run of this row is older than this metric"
    # Another policy for it makes a run of today, whose ranks come from the saved candidates.
    call("rethreshold", RUN_ID, "--threshold", "max-score", "--runs", runs_dir)
    old, new = sorted(json.loads(call("compare", "--runs", runs_dir, "--json")), key=lambda row: row["mrr"] or 0.0)
    assert old["mrr"] is None and new["rank1"] < new["mrr"] < 1 and "mrr" not in new["reasons"]
    first, second = csv.DictReader(call("compare", "--runs", runs_dir, "--format", "csv").splitlines())
    assert sorted((first["mrr"], second["mrr"])) == ["", str(new["mrr"])]
    markdown = call("compare", "--runs", runs_dir, "--format", "markdown")
    assert "| MRR |" in markdown and f"**{new['mrr']:.3f}**" in markdown
    call("report", "--runs", runs_dir, "--no-images", "-o", tmp_path / "page.html")
    assert ">MRR<" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_another_policy_gives_it_the_id_that_0_1_0_gave(runs_dir):
    written = json.loads(call("rethreshold", RUN_ID[:4], "--threshold", "max-score", "--runs", runs_dir, "--json"))
    assert (written["id"], written["decided_again_from"]) == ("3a6ed72c2ece1682", RUN_ID)
    assert written["metrics"]["test"]["overall"]["regret"] == 0.33333333333333326
    assert len(reidbench.load_runs(runs_dir)) == 2


def test_it_is_reported(runs_dir, tmp_path):
    call("report", "--runs", runs_dir, "--no-images", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "1 run on 1 dataset." in page and RUN_ID in page


def test_it_is_never_rewritten(runs_dir):
    (path,) = runs_dir.glob("*/*/*/run.json")
    before = path.read_bytes()
    call("compare", "--runs", runs_dir)
    call("rethreshold", RUN_ID, "--threshold", "max-score", "--runs", runs_dir)
    assert path.read_bytes() == before


def test_it_is_repeated_with_a_warning_and_its_numbers_are_the_same(runs_dir):
    command = ["run", "--from", RUN_ID, "--runs", str(runs_dir), "--json"]
    done = CliRunner().invoke(app, command)
    repeated = json.loads(done.stdout)
    assert "the run was made with reidbench 0.1.0" in " ".join(done.stderr.split())
    assert repeated["same"] in ("exactly", "within 1e-5") and repeated["n_compared"] > 50
    version = {"name": "code.reidbench.version", "before": "0.1.0", "after": reidbench.__version__}
    assert version in repeated["environment"]


def test_compare_and_report_say_which_runs_have_the_earlier_rule_of_digests(runs_dir, tmp_path):
    printed = " ".join(call("compare", "--runs", runs_dir).split())
    assert "Runs by the digest rule of earlier versions" in printed and "are not ranked together" in printed
    call("report", "--runs", runs_dir, "-o", tmp_path / "page.html")
    assert "Runs by the digest rule of earlier versions" in (tmp_path / "page.html").read_text(encoding="utf-8")
