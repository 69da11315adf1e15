"""A threshold applied to another dataset's test part."""

import json
from dataclasses import replace

import numpy as np
import pytest

from reidbench.leaderboard.ranking import leaderboard
from reidbench.metrics.summary import predict
from reidbench.records.saved_run import read_saved_run
from reidbench.reporting.carried import as_json, carried_thresholds


def test_each_pair_of_datasets_of_one_method_is_carried(finished):
    found = carried_thresholds(leaderboard(finished.records))
    assert sorted({each.method for each in found}) == ["color_histogram", "sift"]
    assert len(found) == 4 and {each.n_runs for each in found} == {1}  # the hostile set has split seed 0 alone


def test_the_score_is_that_of_the_other_run_s_threshold(finished):
    honest = next(r for r in finished.of("patterns") if r.method == "sift" and r.split_seed == 0)
    other = next(r for r in finished.records if r.method == "sift" and r.dataset != honest.dataset)
    source, target = read_saved_run(honest), read_saved_run(other)
    answers = target.test.answers
    predicted = predict(answers, replace(source.thresholds, values={}))
    scores = []
    for group in np.unique(answers.group):
        sides = []
        for known in (True, False):
            mine = (answers.group == group) & (answers.known == known)
            right = predicted == (answers.true if known else "new_individual")
            sides.append(np.mean([right[mine & (answers.true == who)].mean() for who in set(answers.true[mine])]))
        scores.append(np.sqrt(sides[0] * sides[1]))
    each = next(
        each for each in carried_thresholds(leaderboard(finished.records))
        if each.method == "sift" and each.applied_to == other.dataset
    )  # fmt: skip
    assert each.score == pytest.approx(np.mean(scores))
    assert each.own_score == other.metrics["score"] and each.oracle_score == other.metrics["oracle_score"]
    assert each.lost == pytest.approx(each.own_score - each.score)
    assert json.loads(as_json([each]))[0]["lost"] == each.lost


def test_one_dataset_carries_nothing(finished):
    assert carried_thresholds(leaderboard(finished.of("patterns"))) == []
