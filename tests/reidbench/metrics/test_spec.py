"""A metric is one declaration: values, reasons and records follow from it."""

import copy
import math
import pickle

import numpy as np
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics import summary
from reidbench.metrics.builtin import METRIC, METRICS
from reidbench.metrics.group_metrics import GroupMetrics
from reidbench.metrics.spec import COUNTED_GROUP, KNOWN, SCORES, MetricSpec, Queries, candidates
from reidbench.metrics.summary import summarise_predictions

# The keys of run.json in version 0.1.0, in its order.
OF_0_1_0 = [
    "score", "baks", "baus", "pooled_score", "root_of_means_score", "rank1", "rank5", "balanced_rank1",
    "balanced_rank5", "map", "auroc", "fpr95", "oracle_score", "regret", "chance_score", "n_queries", "n_known",
    "n_unknown", "n_known_identities", "n_unknown_identities", "false_new", "misidentified", "false_match", "reasons",
    "left_out",
]  # fmt: skip


def predictions(**changes):
    arguments = {
        "true": ["a", "b", "z"],
        "is_known": [True, True, False],
        "group": ["g"] * 3,
        "predicted": ["a", NEW_IDENTITY, NEW_IDENTITY],
    }
    return summarise_predictions(**{**arguments, **changes})


def test_records_keep_the_keys_of_0_1_0_in_their_order():
    record = predictions().to_json()
    for values in (record["overall"], record["groups"]["g"]):
        assert [name for name in values if name in OF_0_1_0] == OF_0_1_0
    assert list(METRIC) == [metric.name for metric in METRICS]  # no name twice


def test_counts_are_whole_numbers_in_records():
    overall = predictions().to_json()["overall"]
    assert overall["n_queries"] == 3 and isinstance(overall["n_queries"], int)
    assert overall["false_new"] == 1 and isinstance(overall["false_new"], int)
    assert overall["baks"] == 0.5 and isinstance(overall["baks"], float)


def test_a_new_metric_needs_its_declaration_alone(monkeypatch):
    def accepted(queries):
        return (queries.predicted != NEW_IDENTITY).mean()

    extra = (
        MetricSpec("accepted", "accepted", "share of queries accepted", (), accepted),
        MetricSpec(
            "mean_accepted", "", "", (COUNTED_GROUP,), accepted, lambda groups: np.mean([g.accepted for g in groups])
        ),
        MetricSpec("with_scores", "", "", (KNOWN, SCORES), lambda queries: queries.scored.best_score.mean()),
    )
    monkeypatch.setattr(summary, "METRICS", (*METRICS, *extra))
    metrics = predictions(
        true=["a", "b", "z", "c", "y"],
        is_known=[True, True, False, True, False],
        group=["g", "g", "g", "h", "h"],
        predicted=["a", NEW_IDENTITY, NEW_IDENTITY, "c", "c"],
    )
    assert metrics.groups["g"]["accepted"] == pytest.approx(1 / 3) and metrics.groups["h"].accepted == 1.0
    assert metrics.overall.accepted == 0.6  # all queries pooled
    assert metrics.overall["mean_accepted"] == pytest.approx(2 / 3)  # of the groups' values
    assert metrics.to_json()["overall"]["with_scores"] is None
    assert metrics.overall.reasons["with_scores"] == "needs scores"


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ({}, "rank1", "needs scores"),
        ({}, "oracle_score", "needs scores"),
        ({}, "chance_score", "needs the number of identities in the gallery"),
        ({"n_identities": {"other": 3}}, "chance_score", "needs the number of identities in the gallery"),
        ({"is_known": [True] * 3}, "baus", "no unknown queries"),
        ({"is_known": [True] * 3}, "oracle_score", "no unknown queries"),
        ({"is_known": [True] * 3}, "auroc", "needs scores"),
        ({"is_known": [False] * 3}, "baks", "no known queries"),
        ({"is_known": [False] * 3}, "score", "no known queries"),
        ({name: [] for name in ("true", "is_known", "group", "predicted")}, "baks", "no queries"),
        ({"group": ["g", "g", "h"]}, "score", "no group has both known and unknown queries"),
    ],
)
def test_the_reason_is_that_of_the_first_need_that_is_not_met(changes, name, reason):
    assert predictions(**changes).overall.reasons[name] == reason


def test_a_value_that_needs_others_computes_each_once():
    calls = []

    def count(queries):
        calls.append(1)
        return 0.25

    half = MetricSpec("half", "", "", (), count)
    double = MetricSpec("double", "", "", (), lambda queries: queries.value(half) + queries.value(half))
    empty = np.zeros(0)
    queries = Queries(empty, empty.astype(bool), empty.astype(str), empty, empty.astype(int), {}, None)
    assert queries.value(double) == 0.5 and queries.value(half) == 0.25 and len(calls) == 1


def test_scores_that_no_need_names_are_an_error_of_the_metric():
    empty = np.zeros(0)
    queries = Queries(empty, empty.astype(bool), empty.astype(str), empty, empty.astype(int), {}, None)
    with pytest.raises(ValueError, match="add SCORES to the needs of the metric"):
        queries.value(MetricSpec("careless", "", "", (), lambda each: each.scored.best_score.mean()))
    assert candidates(3).lacks(queries) == "needs scores"


def test_a_name_that_hides_an_attribute_is_refused():
    for name in ("values", "to_json", "reasons", "not a name"):
        with pytest.raises(ValueError, match="can't be called"):
            MetricSpec(name, "", "", (), len)


def test_values_are_items_and_attributes():
    metrics = GroupMetrics({"baks": 0.5, "auroc": math.nan}, {"auroc": "needs scores"})
    assert metrics["baks"] == metrics.baks == 0.5 and math.isnan(metrics.auroc)
    assert list(metrics) == ["baks", "auroc"] and len(metrics) == 2
    with pytest.raises(AttributeError, match="there is no metric 'mapp'"):
        metrics.mapp  # noqa: B018
    with pytest.raises(KeyError):
        metrics["mapp"]
    for other in (copy.deepcopy(metrics), pickle.loads(pickle.dumps(metrics))):
        assert other.to_json() == metrics.to_json()


def test_nan_and_a_reason_belong_together():
    with pytest.raises(ValueError, match="auroc is nan but has no reason"):
        GroupMetrics({"auroc": math.nan})
    with pytest.raises(ValueError, match=r"auroc is 0\.5 but has one"):
        GroupMetrics({"auroc": 0.5}, {"auroc": "needs scores"})
