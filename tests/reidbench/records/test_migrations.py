"""Records of every earlier schema are read as this version writes them; newer ones are refused."""

import json
from pathlib import Path

import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.leaderboard.ranking import leaderboard
from reidbench.progress import Progress
from reidbench.records.finding import load_runs
from reidbench.records.migrations import SCHEMA, migrate
from reidbench.records.run_record import question_of, run_id_of
from reidbench.running.evaluation import evaluate

HERE = Path(__file__).parent
(RUN_OF_SCHEMA_2,) = (HERE / "schema_2").glob("*/*/*/run.json")
FROZEN = {1: HERE / "schema_1.json", 2: RUN_OF_SCHEMA_2}


def frozen(schema):
    return json.loads(FROZEN[schema].read_text())


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_a_frozen_record_of_each_schema_is_read_and_ranked(schema, tmp_path):
    text = FROZEN[schema].read_text()
    folder = tmp_path / "patterns" / "color_histogram" / "id"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(text)
    (record,) = load_runs(tmp_path)
    assert record.data["schema"] == SCHEMA
    assert (folder / "run.json").read_text() == text  # never rewritten
    (row,) = leaderboard([record])
    assert row.method == "color_histogram" and row.blindness == "untested"
    assert row.metrics["score"] == frozen(schema)["metrics"]["test"]["overall"]["score"]


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_a_migrated_record_has_the_keys_and_the_id_of_a_new_one(schema, tmp_path):
    old = frozen(schema)
    migrated = migrate(old)
    images = reidbench.load_dataset(old["dataset"]["name"])
    new = evaluate("color_histogram", images, runs_dir=tmp_path, progress=Progress(), device="cpu").data
    assert set(migrated) == set(new)
    assert set(migrated["dataset"]) == set(new["dataset"]) and set(migrated["threshold"]) == set(new["threshold"])
    assert run_id_of(question_of(migrated)) == old["id"] == new["id"]


def test_the_step_from_1_tells_what_it_knows_and_nothing_more():
    old = {
        "schema": 1,
        "reidbench": "0.1.0",
        "plugin": {"name": "stranger", "version": "2.0"},
        "dataset": {"name": "zebra"},
        "threshold": {"policy": "max-score"},
    }
    migrated = migrate(old)
    unknown = {"licence": "", "commit": None, "dirty": None}
    assert migrated["code"] == {"reidbench": {"version": "0.1.0", **unknown}, "stranger": {"version": "2.0", **unknown}}
    assert migrated["dataset"] == {"asked": None, "root": None, "name": "zebra"}
    assert migrated["threshold"] == {"asked": "max-score", "policy": "max-score"}
    assert migrated["parts"] == {} and migrated["blindness"] == {"status": "untested"}
    assert old["schema"] == 1 and "code" not in old


@pytest.mark.parametrize(("schema", "message"), [(SCHEMA + 1, "reads up to"), (None, "whole number"), (True, "True")])
def test_a_record_that_cannot_be_migrated_is_one_message(schema, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        migrate({"schema": schema}, where="runs/a/run.json")
    assert caught.value.where == "runs/a/run.json" and caught.value.remedy


def test_every_step_has_a_frozen_record():
    assert set(range(1, SCHEMA)) <= set(FROZEN)
    assert {schema: json.loads(path.read_text())["schema"] for schema, path in FROZEN.items()} == {1: 1, 2: 2}
