"""The result of the blindness tests is read back as it was written."""

import json

from reidbench.records.blindness_stamp import Blindness


def test_a_stamp_is_read_back():
    stamp = Blindness("differs", 8, 0.25, {"labels": "2 of 8 queries"}, 0.1)
    assert Blindness.from_json(json.loads(json.dumps(stamp.to_json()))) == stamp
    assert stamp.told == "other labels and file names: 2 of 8 queries"
    assert Blindness("untested").to_json() == {"status": "untested"}
