"""example_plugin passes the checks of reidbench, runs on drawn animals, and is better than chance."""

import reidbench
from reidbench.testing import conformance_tests

DATASET = "patterns:identities=12,size=64,level=easy"

test_checks = conformance_tests("example_plugin")


def test_known_animals_are_found(tmp_path):
    record = reidbench.evaluate("example_plugin", DATASET, runs_dir=tmp_path)
    assert record.data.plugin.name == "reidbench-example-plugin"
    assert record.metrics["score"] is not None
    assert record.metrics["rank1"] > 0.4


def test_the_same_run_gives_the_same_numbers(tmp_path):
    first, second = (reidbench.evaluate("example_plugin", DATASET, runs_dir=tmp_path / run) for run in "ab")
    assert first.id == second.id
    assert first.metrics == second.metrics
