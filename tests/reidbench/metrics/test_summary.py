import json
import math

import numpy as np
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.errors import ReidbenchError
from reidbench.metrics.summary import Answers, predict, summarise, summarise_predictions
from reidbench.thresholds import Adjustment, Thresholds, parse_policy

# The protocol's worked case: group L truth a,a,a,b,n,n; group S truth c,m; n and m are new.
TRUE = list("aaabnncm")
KNOWN = [True] * 4 + [False] * 2 + [True, False]
GROUP = ["L"] * 6 + ["S"] * 2
PREDICTED = ["a", "a", NEW_IDENTITY, "b", NEW_IDENTITY, "a", "c", "c"]


def worked_answers(**changes):
    best = ["a", "a", "a", "b", "b", "a", "c", "c"]
    score = [0.9, 0.8, 0.2, 0.7, 0.1, 0.6, 0.9, 0.8]
    second = ["b", "b", "b", "a", "a", "b", "", ""]
    arguments = {
        "true": np.array(TRUE),
        "known": np.array(KNOWN),
        "group": np.array(GROUP),
        "candidates": np.array([best, second], dtype=object).T,
        "scores": np.array([score, [0.05] * 6 + [-np.inf] * 2]).T,
        "average_precision": np.array([1.0, 1.0, 0.5, 1.0, np.nan, np.nan, 1.0, np.nan]),
        "gallery_identities": {"L": 2, "S": 1},
    }
    return Answers(**{**arguments, **changes})


HALF = Thresholds("fixed=0.5", {}, pooled=True, value=0.5)


def check_worked_case(metrics):
    overall = metrics.overall
    assert overall.score == pytest.approx(0.3227486121839514, abs=1e-15)
    assert overall.pooled_score == pytest.approx(0.4714045207910317, abs=1e-15)
    assert overall.root_of_means_score == pytest.approx(0.47871355387816905, abs=1e-15)
    assert overall.baks == pytest.approx(8 / 9) and overall.baus == 0.25
    lynx, newt = metrics.groups["L"], metrics.groups["S"]
    assert (lynx.baks, lynx.baus, lynx.score) == pytest.approx((5 / 6, 1 / 2, 0.6454972243679028), abs=1e-15)
    assert (newt.baks, newt.baus, newt.score) == (1.0, 0.0, 0.0)
    assert (overall.n_queries, overall.n_known, overall.n_unknown) == (8, 5, 3)
    assert (overall.n_known_identities, overall.n_unknown_identities) == (3, 2)
    assert (overall.false_new, overall.misidentified, overall.false_match) == (1, 0, 2)


def test_the_protocols_worked_case_from_predictions():
    metrics = summarise_predictions(TRUE, KNOWN, GROUP, PREDICTED)
    check_worked_case(metrics)
    for name in ("rank1", "rank5", "balanced_rank1", "balanced_rank5", "map", "auroc", "fpr95", "oracle_score"):
        assert math.isnan(getattr(metrics.overall, name)) and metrics.overall.reasons[name] == "needs scores"
    assert "gallery" in metrics.overall.reasons["chance_score"]


def test_the_protocols_worked_case_from_scores():
    answers = worked_answers()
    assert predict(answers, HALF).tolist() == PREDICTED
    metrics = summarise(answers, HALF)
    check_worked_case(metrics)
    overall, lynx, newt = metrics.overall, metrics.groups["L"], metrics.groups["S"]
    assert overall.rank1 == overall.rank5 == overall.balanced_rank1 == 1.0
    assert overall.map == pytest.approx(0.9)
    assert lynx.auroc == pytest.approx(7 / 8)  # the unknown 0.6 beats the known 0.2
    assert overall.auroc == pytest.approx((5 + 4 + 2.5) / 15)  # what 0.1, 0.6 and 0.8 lose to; a tie is a half
    assert lynx.fpr95 == 0.5 and newt.fpr95 == 0.0
    # L: above 0.6 accepts a 2/3 and b 1/1, n is refused; S: between 0.8 and 0.9 all is right.
    assert lynx.oracle_score == pytest.approx(math.sqrt(5 / 6)) and newt.oracle_score == 1.0
    assert overall.oracle_score == pytest.approx((math.sqrt(5 / 6) + 1) / 2)
    assert overall.regret == pytest.approx(overall.oracle_score - overall.score)
    assert overall.chance_score == pytest.approx((1 / (2 * math.sqrt(2)) + 1 / 2) / 2)
    assert overall.reasons == {} and overall.left_out == {}


def test_the_best_thresholds_leave_no_regret():
    answers = worked_answers()
    metrics = summarise(answers, parse_policy("max-score:group").choose(answers))
    assert metrics.overall.regret == 0.0 and metrics.groups["L"].regret == 0.0


def test_a_margin_rule_can_beat_the_oracle_so_its_regret_is_below_0():
    answers = Answers(
        true=np.array(["a", "b", "n"]),
        known=np.array([True, True, False]),
        group=np.array(["L"] * 3),
        candidates=np.array([["a", "b"], ["b", "a"], ["b", "a"]], dtype=object),
        scores=np.array([[0.5, 0.1], [0.9, 0.1], [0.7, 0.65]]),
        average_precision=np.array([1.0, 1.0, np.nan]),
        gallery_identities={"L": 2},
    )
    # Limits 0.4 + 0.5 * second: 0.45, 0.45 and 0.725, so a and b are accepted and n is rejected.
    margin = Thresholds("margin", {"L": 0.4}, pooled=True, adjustment=Adjustment(0.5, 0.0, 0.0))
    metrics = summarise(answers, margin)
    # One threshold accepts n together with a (BAUS 0) or rejects a together with n (BAKS 1/2).
    for each in (metrics.overall, metrics.groups["L"]):
        assert each.score == 1.0
        assert each.oracle_score == pytest.approx(math.sqrt(1 / 2), abs=1e-15)
        assert each.regret == pytest.approx(math.sqrt(1 / 2) - 1, abs=1e-15)
    fixed = summarise(answers, Thresholds("fixed=0.8", {}, pooled=True, value=0.8))
    assert fixed.overall.oracle_score == metrics.overall.oracle_score and fixed.overall.regret == 0.0


def test_both_paths_agree_on_what_both_know():
    answers = worked_answers()
    one = summarise(answers, HALF).to_json()
    other = summarise_predictions(TRUE, KNOWN, GROUP, predict(answers, HALF), {"L": 2, "S": 1}).to_json()
    for key, value in other["overall"].items():
        if value is not None and key != "reasons":
            assert one["overall"][key] == value
    assert one["overall"].keys() == other["overall"].keys()
    assert other["overall"]["chance_score"] == one["overall"]["chance_score"]


def test_a_group_with_an_empty_side_is_left_out_and_named():
    metrics = summarise_predictions(TRUE[:7], KNOWN[:7], GROUP[:7], PREDICTED[:7])
    assert metrics.overall.score == pytest.approx(0.6454972243679028)
    assert metrics.overall.left_out == {"S": "no unknown queries"}
    assert metrics.groups["S"].baks == 1.0 and metrics.groups["S"].reasons["baus"] == "no unknown queries"
    assert metrics.overall.baks == pytest.approx(8 / 9)  # c still counts among all known identities


def test_an_empty_side_can_count_zero_as_the_organisers_do():
    metrics = summarise_predictions(TRUE[:7], KNOWN[:7], GROUP[:7], PREDICTED[:7], empty_side="zero")
    assert metrics.overall.score == pytest.approx(0.6454972243679028 / 2)
    assert metrics.groups["S"].baus == 0.0 and metrics.groups["S"].score == 0.0
    rows = slice(0, 7)
    answers = worked_answers()
    part = Answers(
        answers.true[rows],
        answers.known[rows],
        answers.group[rows],
        answers.candidates[rows],
        answers.scores[rows],
        answers.average_precision[rows],
        answers.gallery_identities,
    )
    metrics = summarise(part, HALF, empty_side="zero")
    assert metrics.groups["S"].oracle_score == 0.0 and metrics.groups["S"].regret == 0.0


def test_a_closed_set_has_ranks_but_no_score():
    rows = np.array(KNOWN)
    answers = worked_answers()
    closed = Answers(
        answers.true[rows],
        answers.known[rows],
        answers.group[rows],
        answers.candidates[rows],
        answers.scores[rows],
        answers.average_precision[rows],
        answers.gallery_identities,
    )
    overall = summarise(closed, HALF).overall
    assert overall.balanced_rank1 == 1.0 and overall.baks == pytest.approx(8 / 9)
    for name in ("score", "baus", "pooled_score", "root_of_means_score", "oracle_score", "regret", "chance_score"):
        assert math.isnan(getattr(overall, name)) and overall.reasons[name] == "no unknown queries"
    assert overall.reasons["auroc"] == "no unknown queries"


def test_groups_of_one_side_each_have_no_score_but_a_pooled_one():
    metrics = summarise_predictions(["a", "n"], [True, False], ["L", "S"], ["a", NEW_IDENTITY])
    assert metrics.overall.pooled_score == 1.0
    assert metrics.overall.reasons["score"] == "no group has both known and unknown queries"


def test_no_queries_leaves_everything_undefined():
    overall = summarise_predictions([], [], [], []).overall
    assert math.isnan(overall.score) and overall.reasons["score"] == "no queries" and overall.n_queries == 0


def test_undefined_average_precision_makes_no_map():
    overall = summarise(worked_answers(average_precision=np.full(8, np.nan)), HALF).overall
    assert math.isnan(overall.map) and "centroid" in overall.reasons["map"]
    some = np.array([1.0, np.nan, 0.5, 1.0, np.nan, np.nan, 1.0, np.nan])
    assert "1 of 5" in summarise(worked_answers(average_precision=some), HALF).overall.reasons["map"]


def test_rank5_needs_five_candidates_or_the_whole_gallery():
    overall = summarise(worked_answers(gallery_identities={"L": 9, "S": 1}), HALF).overall
    assert math.isnan(overall.rank5) and overall.rank1 == 1.0


def test_a_query_without_a_candidate_is_new_at_any_threshold():
    answers = worked_answers(candidates=np.full((8, 1), "", dtype=object), scores=np.full((8, 1), -np.inf))
    accept_all = Thresholds("fixed=-inf", {}, pooled=True, value=-math.inf)
    assert set(predict(answers, accept_all)) == {NEW_IDENTITY}
    assert summarise(answers, accept_all).overall.baus == 1.0


def test_a_tie_with_the_threshold_accepts():
    at_score = Thresholds("fixed=0.6", {}, pooled=True, value=0.6)
    assert predict(worked_answers(), at_score)[5] == "a"


def test_an_identity_that_is_known_and_new_is_refused():
    with pytest.raises(ReidbenchError, match="'a' is marked as new"):
        summarise_predictions(["a", "a"], [True, False], ["L", "L"], ["a", "a"])
    summarise_predictions(["a", "a"], [True, False], ["L", "S"], ["a", "a"])  # two animals of one name
    known = np.array([False, *KNOWN[1:]])
    with pytest.raises(ValueError, match="both known and unknown"):
        summarise(worked_answers(known=known), HALF)


def test_json_has_null_for_nan_and_nothing_else_unusual():
    record = summarise_predictions(TRUE, KNOWN, GROUP, PREDICTED).to_json()
    text = json.dumps(record, allow_nan=False)
    assert json.loads(text) == record
    assert record["overall"]["auroc"] is None and record["overall"]["reasons"]["auroc"] == "needs scores"
    assert set(record) == {"overall", "groups"} and set(record["groups"]) == {"L", "S"}


def test_answers_check_themselves():
    with pytest.raises(ValueError, match="nan"):
        worked_answers(scores=np.full((8, 2), np.nan))
    with pytest.raises(ValueError, match="fall along"):
        worked_answers(scores=np.tile([0.1, 0.2], (8, 1)))
    with pytest.raises(ValueError, match="known has shape"):
        worked_answers(known=np.array([True]))
    with pytest.raises(ValueError, match="candidates and scores"):
        worked_answers(scores=np.zeros((8, 3)))
