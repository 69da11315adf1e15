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
from reidbench.records.question import Question
from reidbench.records.run_data import RunData
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
    assert record.data.schema_version == SCHEMA
    assert (folder / "run.json").read_text() == text  # never rewritten
    (row,) = leaderboard([record])
    assert row.method == "color_histogram" and row.blindness == {1: "untested", 2: "blind"}[schema]
    assert row.metrics["score"] == frozen(schema)["metrics"]["test"]["overall"]["score"]


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_a_migrated_record_has_the_fields_of_a_new_one_and_keeps_its_id(schema, tmp_path):
    old = frozen(schema)
    migrated = migrate(old)
    images = reidbench.load_dataset(old["dataset"]["name"])
    new = evaluate("color_histogram", images, runs_dir=tmp_path, progress=Progress(), device="cpu").data.to_json()
    assert set(migrated) == set(new)
    for name, value in new.items():
        if isinstance(value, dict) and name not in ("timing", "code", "files"):
            assert set(migrated[name]) == set(value), name
    assert Question.of_record(RunData.from_json(old)).id == old["id"]


def test_the_step_from_1_adds_what_can_be_known_and_nothing_more():
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
    unread = {"digest_rule": 1, "set_aside_words": {}, "reading": {}, "unknown_words": [], "name_words": []}
    unread |= {"encounter_minutes": None, "encounter_column": "", "n_encounters": None}
    assert migrated["dataset"] == {"asked": None, "root": None, "name": "zebra", **unread}
    assert migrated["threshold"] == {"asked": "max-score", "policy": "max-score", "adjustment": None}
    assert migrated["parts"] == {} and migrated["blindness"]["status"] == "untested"
    assert old["schema"] == 1 and "code" not in old


def test_the_step_from_2_gives_absent_fields_a_value():
    curves = {"cat": {"kind": "logistic"}, "dog": {"kind": "isotonic"}}
    calibrated = {"scope": {"cat": "own", "dog": "pooled: 3 known animals, 15 are needed"}, "curves": curves}
    migrated = migrate(
        {
            "schema": 2,
            "plugin": {"name": "reidbench"},
            "parts": {"sift": {"method": "sift"}},
            "calibration": [calibrated, {**calibrated, "scope": {"cat": "own"}}, {**calibrated, "pooled": {}}],
            "blindness": {"status": "untested"},
            "environment": {"device": "cpu"},
        }
    )
    assert migrated["decided_again_from"] is None and migrated["constants"] == {}
    assert migrated["plugin"] == {"name": "reidbench", "calibrated_by": None}
    assert migrated["parts"] == {"sift": {"method": "sift", "calibrated_by": None}}
    assert [each["pooled"] for each in migrated["calibration"]] == [{"kind": "isotonic"}, None, {}]
    assert migrated["blindness"] == {
        "status": "untested", "n_query": 0, "largest": None, "differences": {}, "seconds": 0.0,
    }  # fmt: skip
    assert migrated["environment"] == {"device": "cpu", "gpu": None}


@pytest.mark.parametrize("schema", range(1, SCHEMA))
@pytest.mark.parametrize("wrong", [None, 3, "text", [1], {}])
def test_a_step_leaves_wrong_values_for_the_check_of_the_record(schema, wrong):
    old = frozen(schema)
    for name in old:
        if name != "schema":
            migrate({**old, name: wrong})


@pytest.mark.parametrize(("schema", "message"), [(SCHEMA + 1, "reads up to"), (None, "whole number"), (True, "True")])
def test_a_record_that_cannot_be_migrated_is_one_message(schema, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        migrate({"schema": schema}, where="runs/a/run.json")
    assert caught.value.where == "runs/a/run.json" and caught.value.remedy


def test_every_step_has_a_frozen_record():
    assert set(range(1, SCHEMA)) <= set(FROZEN)
    assert {schema: json.loads(path.read_text())["schema"] for schema, path in FROZEN.items()} == {1: 1, 2: 2}
