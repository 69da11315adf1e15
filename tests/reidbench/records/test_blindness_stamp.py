"""The result of the blindness tests is read back as it was written."""

import json

from reidbench.records.blindness_stamp import Blindness


def test_a_stamp_is_read_back():
    differences = {"labels": "2 of 8 queries"}
    stamp = Blindness(status="differs", n_query=8, largest=0.25, differences=differences, seconds=0.1)
    assert Blindness.model_validate(json.loads(json.dumps(stamp.to_json()))) == stamp
    assert stamp.summary == "other labels and file names: 2 of 8 queries"
    assert stamp.to_json()["differences"] == differences


def test_a_test_that_this_version_does_not_know_keeps_its_name():
    assert Blindness(status="differs", differences={"light": "1 of 8 queries"}).summary == "light: 1 of 8 queries"
