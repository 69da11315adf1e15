"""The id of a run is a digest of its inputs alone."""

import hashlib
import json

import pytest

from reidbench.records.question import Question
from reidbench.records.run_data import RunData
from tests.reidbench.records.example import example

CURVE = {"name": "stranger", "version": "1.0", "curve_version": "3"}
PART = {
    "method": "sift",
    "plugin": {"name": "reidbench", "version": "0.1.0", "method_version": "3"},
    "settings": {"ratio": 0.8},
    "calibration": None,
    "calibrated_by": None,
}


def question(**changes):
    return Question.of_record(RunData.from_json(example(**changes)))


def test_the_id_is_the_digest_that_version_0_1_0_made():
    asked = question(settings={"effective": {"bins": 4}}, parts={"a": PART})
    plugin = {"name": "reidbench", "version": "0.1.0", "method_version": "1"}
    inputs = {
        "method": "sift",
        "plugin": plugin,
        "settings": {"bins": 4},
        "weights": {"source": "none", "pretrained": False, "sha256": "", "licence": "", "label": "none"},
        "parts": {"a": {key: value for key, value in PART.items() if key != "calibrated_by"}},
        "dataset": "d0",
        "split": "s0",
        "seed": 0,
        "gallery": "group",
        "threshold": "max-score",
    }
    assert asked.to_json() == inputs
    assert asked.id == hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def test_the_plugin_of_a_curve_is_part_of_the_id():
    asked = question(plugin={"calibrated_by": CURVE}, parts={"a": {**PART, "calibrated_by": CURVE}})
    assert asked.to_json()["plugin"]["calibrated_by"] == asked.to_json()["parts"]["a"]["calibrated_by"] == CURVE


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "aliked"},
        {"plugin": {"version": "0.2.0"}},
        {"settings": {"effective": {"ratio": 0.7}}},
        {"weights": {"sha256": "ab"}},
        {"parts": {"a": PART}},
        {"dataset": {"digest": "other"}},
        {"split": {"digest": "other"}},
        {"seed": 1},
        {"gallery": "all"},
        {"query": "encounter:best"},
        {"match_sides": "same"},
        {"masks": "ab"},
        {"threshold": {"asked": "mad=1"}},
    ],
)
def test_every_input_changes_the_id(changes):
    assert question(**changes).id != question().id


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": {"name": "other", "root": "elsewhere"}},
        {"preset": "quick"},
        {"settings": {"given": {"ratio": 0.7}}},
        {"threshold": {"value": 0.1}},
        {"metrics": {"test": {"overall": {"score": 0.1}}}},
        {"environment": {"device": "cuda"}},
        {"reidbench": "0.2.0"},
    ],
)
def test_nothing_else_changes_the_id(changes):
    assert question(**changes).id == question().id
