"""``run --settings`` with a file of ``tune`` makes the run that ``tune`` found best."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.experiments.settings_file import SettingsFile, read_settings_file

SMALL = "patterns:identities=12,size=64,level=easy"
PLUGIN = """
import numpy as np
import reidbench
from reidbench_color_histogram import ColorHistogramSettings, _build


@reidbench.hookimpl
def reidbench_methods():
    return [reidbench.MethodSpec(
        "tunable", "Colours with a grid.", ColorHistogramSettings, _build,
        presets={"quick": {"hue_bins": 4}, "paper": {"hue_bins": 6}}, grid=({"hue_bins": 3}, {"hue_bins": 5}),
    )]
"""


def call(*args):
    result = CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200"})
    if isinstance(result.exception, ReidbenchError):
        return str(result.exception)
    assert result.exception is None, result.exception
    return result.stdout


FULL = SettingsFile({"hue_bins": 5}, "color_histogram", None, SMALL, encounter_minutes=7.5, split_seed=2, seed=3)


def test_a_file_is_read_as_it_was_written(tmp_path):
    FULL.write(tmp_path / "best.json")
    assert read_settings_file(tmp_path / "best.json") == FULL


def test_a_file_of_settings_alone_is_read(tmp_path):
    (tmp_path / "plain.json").write_text('{"hue_bins": 5}')
    assert read_settings_file(tmp_path / "plain.json") == SettingsFile({"hue_bins": 5})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "not a JSON object"),
        ("{", "can't be read"),
        ('{"settings": {}, "metod": "sift"}', "'metod' is not a key"),
        ('{"settings": {}, "seed": "1"}', "'seed' can't be '1'"),
        ('{"settings": {}, "encounter_minutes": "7"}', "'encounter_minutes' can't be '7'"),
    ],
)
def test_a_file_that_means_nothing_is_refused(tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ReidbenchError, match=message):
        read_settings_file(tmp_path / "bad.json")


def test_the_file_alone_makes_its_run(tmp_path):
    FULL.write(tmp_path / "best.json")
    (record,) = json.loads(call("run", "--settings", tmp_path / "best.json", "--runs", tmp_path, "--json"))
    same = [
        "--method",
        "color_histogram",
        "--dataset",
        SMALL,
        "--set",
        "hue_bins=5",
        "--split-seed",
        "2",
        "--seed",
        "3",
        "--encounter-minutes",
        "7.5",
    ]
    (other,) = json.loads(call("run", *same, "--runs", tmp_path, "--json"))
    assert record["id"] == other["id"] and record["settings"]["effective"]["hue_bins"] == 5


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (["--method", "sift"], "--method"),
        (["--dataset", "patterns"], "--dataset"),
        (["--method", "color_histogram", "--method", "sift"], "--method"),
    ],
)
def test_an_option_that_contradicts_the_file_is_refused(tmp_path, args, option):
    FULL.write(tmp_path / "best.json")
    message = call("run", "--settings", tmp_path / "best.json", *args, "--runs", tmp_path)
    assert f"{option} and the settings file contradict each other" in message


def test_tune_then_run_is_the_run_that_tune_found_best(tmp_path):
    (tmp_path / "tunable.py").write_text(PLUGIN)
    best, plugin = tmp_path / "best.json", ["--plugin", tmp_path / "tunable.py", "--runs", tmp_path / "runs"]
    base = ["tune", "--method", "tunable", "--preset", "quick", "--dataset", SMALL, "--encounter-minutes", "7"]
    rows = json.loads(call(*base, "-o", best, "--json", *plugin))
    (record,) = json.loads(call("run", "--settings", best, "--json", *plugin))
    assert rows[0]["run"].endswith(record["id"]) and record["preset"] == "quick"
    assert record["dataset"]["encounter_minutes"] == 7
    assert "contradict each other" in call("run", "--settings", best, "--encounter-minutes", "8", *plugin)
    assert record["settings"]["effective"]["hue_bins"] == rows[0]["settings"]["hue_bins"]
