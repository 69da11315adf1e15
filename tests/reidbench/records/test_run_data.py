"""The content of ``run.json``: wrong fields are named, unknown keys are kept, old subscripts still read."""

import json
import re

import pytest

from reidbench.errors import ReidbenchError
from reidbench.records.migrations import SCHEMA
from reidbench.records.run_data import RunData
from tests.reidbench.records.example import example, merged


def test_a_record_is_written_as_it_was_read():
    values = example(threshold={"value": "-inf", "values": {"cat": 0.25}}, metrics={"test": {"overall": {"map": None}}})
    data = RunData.from_json(values)
    assert data.schema_version == SCHEMA and data.threshold.value == "-inf"
    assert json.dumps(data.to_json(), sort_keys=True) == json.dumps(values, sort_keys=True)


def test_keys_of_a_newer_minor_version_are_kept():
    values = merged(example(), {"weather": "rain", "split": {"colour": {"a": 1}}, "blindness": {"light": [2]}})
    assert RunData.from_json(values).to_json() == values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": 3}, "the field 'split' of a run record is wrong"),
        ({"seed": "one"}, "the field 'seed' of a run record is wrong"),
        ({"gallery": "some"}, "the field 'gallery' of a run record is wrong"),
        ({"blindness": {"status": "shy"}}, "the field 'blindness.status' of a run record is wrong"),
        ({"metrics": {"test": {"overall": {"score": "good"}}}}, "'metrics.test.overall'.*'score' has to be a number"),
        ({"metrics": {"test": {"overall": {"reasons": 3}}}}, "'metrics.test.overall'.*'reasons' has to be an object"),
        ({"parts": {"a": {"method": "sift"}}}, r"the field 'parts.a.plugin' of a run record is missing, and \d more"),
        ({"schema": SCHEMA + 1}, f"schema {SCHEMA + 1}, and this version reads up to {SCHEMA}"),
        ({"schema": None}, "whole number"),
    ],
)
def test_a_wrong_field_is_named(changes, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        RunData.from_json(merged(example(), changes), where="runs/a/run.json")
    assert caught.value.where == "runs/a/run.json" and caught.value.remedy


@pytest.mark.parametrize("name", sorted(set(example()) - {"schema", "files"}))
def test_every_field_is_required(name):
    values = {key: value for key, value in example().items() if key != name}
    with pytest.raises(ReidbenchError, match=re.escape(f"the field '{name}' of a run record is missing")):
        RunData.from_json(values)


def test_a_record_can_not_be_changed():
    data = RunData.from_json(example())
    with pytest.raises(ValueError, match="frozen"):
        data.seed = 3


def test_subscripts_of_version_0_1_0_still_read_with_a_warning():
    data = RunData.from_json(example())
    with pytest.warns(DeprecationWarning, match="read the attribute"):
        assert data["timing"]["total_s"] == 2.0
    with pytest.warns(DeprecationWarning, match="read the attribute"):
        assert data.get("preset") is None
    with pytest.warns(DeprecationWarning, match="read the attribute"):
        assert data.get("weather", "rain") == "rain"
    with pytest.warns(DeprecationWarning, match="read the attribute"), pytest.raises(KeyError):
        data["weather"]
