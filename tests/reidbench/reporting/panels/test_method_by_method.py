"""The facts of a run name each group's threshold and the version of a plugin file."""

from reidbench.records.run_data import AdjustmentData, PluginData, ThresholdData
from reidbench.reporting.panels.method_by_method import describe_plugin, describe_threshold


def threshold(values, adjustment=None):
    return ThresholdData(
        asked="margin", policy="margin", pooled=False, value=None, values=values, adjustment=adjustment, notes=()
    )


def test_each_group_is_named_with_its_threshold():
    assert describe_threshold(threshold({"lynx": 5.97812, "turtle": "inf"})) == "margin: lynx 5.978, turtle inf"


def test_groups_with_the_same_threshold_are_not_named():
    assert describe_threshold(threshold({"lynx": 0.5, "turtle": 0.5})) == "margin: 0.5"


def test_a_term_of_each_query_is_mentioned():
    term = AdjustmentData(second=0.5, log_size=0.0, no_second=0.0)
    assert (
        describe_threshold(threshold({"lynx": 0.5}, term)) == "margin: 0.5; a term that depends on the query is added"
    )


def test_a_plugin_file_is_named_with_the_start_of_its_digest_once():
    digest = "c240e35c2818" + "0" * 52
    plugin = PluginData(name="colour.py", version=digest, method_version=digest, calibrated_by=None)
    assert describe_plugin(plugin) == "file colour.py, SHA-256 c240e35c2818…"


def test_an_installed_plugin_is_named_with_both_versions():
    plugin = PluginData(name="reidbench", version="0.2.0", method_version="3", calibrated_by=None)
    assert describe_plugin(plugin) == "reidbench 0.2.0, method version 3"
