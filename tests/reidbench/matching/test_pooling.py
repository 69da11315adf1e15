"""Pooled scores of encounters, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.matching.pooling import Pooling, other_best, parse_query
from reidbench.metrics.answers import Answers
from reidbench.metrics.summary import summarise
from reidbench.thresholds import Thresholds

INF = math.inf


def answers(rows: list[tuple[str, dict[str, float]]], k: int = 3, enrolled: tuple[str, ...] = ("ana", "bo", "cy")):
    """Answers of one group from the true identity and the listed scores of each photograph."""
    listed = [sorted(scores.items(), key=lambda item: -item[1]) for _, scores in rows]
    true = np.array([name for name, _ in rows], dtype=object)
    return Answers(
        true=true,
        known=np.isin(true, enrolled),
        group=np.array(["all"] * len(rows)),
        candidates=np.array([[*(n for n, _ in each), *[""] * (k - len(each))] for each in listed], dtype=object),
        scores=np.array([[*(s for _, s in each), *[-INF] * (k - len(each))] for each in listed]),
        average_precision=np.full(len(rows), 0.5),
        gallery_identities={"all": len(enrolled)},
    )


TWO = answers([("ana", {"ana": 0.5, "bo": 0.75, "cy": 0.25}), ("ana", {"ana": 0.75, "bo": 0.25, "cy": 0.0})])


def pooled(photographs: Answers, rule: str, encounter: list[str] | None = None) -> list[tuple[str, float]]:
    """Candidates and scores of the first encounter; by default all photographs are one."""
    codes = np.array(encounter or ["e"] * len(photographs))
    result = Pooling(codes, rule).pool(photographs)  # type: ignore[arg-type]
    return [(name, score) for name, score in zip(result.candidates[0], result.scores[0], strict=True) if name]


def test_best_takes_the_highest_score_of_any_photograph_and_mean_their_mean():
    assert pooled(TWO, "best") == [("ana", 0.75), ("bo", 0.75), ("cy", 0.25)]  # equal: best ranks equal, then by name
    assert pooled(TWO, "mean") == [("ana", 0.625), ("bo", 0.5), ("cy", 0.125)]


def test_a_single_photograph_keeps_its_list():
    one = answers([("ana", {"bo": 0.7, "ana": 0.1})])
    for rule in ("best", "mean"):
        result = Pooling(np.array(["e"]), rule).pool(one)
        assert result.candidates.tolist() == one.candidates.tolist()
        assert result.scores.tolist() == one.scores.tolist()


def test_an_identity_that_a_photograph_does_not_list_takes_the_lowest_listed_score_of_the_encounter():
    # The first photograph lists ana alone, the second bo and cy: the lowest listed score is 0.5.
    # ana (1 + 0.5) / 2 = 0.75, bo (0.5 + 0.75) / 2 = 0.625, cy (0.5 + 0.5) / 2 = 0.5.
    shortlists = answers([("ana", {"ana": 1.0}), ("ana", {"bo": 0.75, "cy": 0.5})])
    assert pooled(shortlists, "mean") == [("ana", 0.75), ("bo", 0.625), ("cy", 0.5)]
    assert pooled(shortlists, "best") == [("ana", 1.0), ("bo", 0.75), ("cy", 0.5)]


def test_a_photograph_without_candidates_is_left_out_of_the_pool():
    half = answers([("ana", {}), ("ana", {"bo": 0.75, "ana": 0.5})])
    assert pooled(half, "mean") == [("bo", 0.75), ("ana", 0.5)]


def test_an_encounter_without_any_candidate_has_none():
    for rule in ("best", "mean"):
        result = Pooling(np.array(["e", "e"]), rule).pool(answers([("ana", {}), ("ana", {})]))
        assert result.candidates.tolist() == [["", "", ""]]
        assert result.best_score.tolist() == [-INF]


def test_the_pool_keeps_as_many_identities_as_a_photograph():
    two_kept = answers([("ana", {"ana": 0.5, "bo": 0.4}), ("ana", {"cy": 0.3, "dee": 0.2})], k=2)
    assert pooled(two_kept, "best") == [("ana", 0.5), ("bo", 0.4)]


def test_the_order_of_photographs_does_not_change_the_pool():
    rows = [("ana", {"ana": 0.1, "bo": 0.3}), ("ana", {"ana": 0.7, "bo": 0.2}), ("ana", {"ana": 0.2, "bo": 0.9})]
    for rule in ("best", "mean"):
        assert pooled(answers(rows), rule) == pooled(answers(rows[::-1]), rule)


def test_queries_are_numbered_by_their_first_photographs():
    pooling = Pooling(np.array(["9", "2", "9", "2", "5"]), "best")
    assert pooling.first.tolist() == [0, 1, 4]
    assert pooling.query.tolist() == [0, 1, 0, 1, 2]
    assert [rows.tolist() for rows in pooling.rows] == [[0, 2], [1, 3], [4]]
    assert pooling.any(np.array([False, False, True, False, False])).tolist() == [True, False, False]


def test_metrics_count_encounters_and_the_ranking_of_images_is_undefined():
    # Photograph by photograph, ana is best once in two. As one encounter by the mean, ana is best.
    # zoe is new: her encounter has 0.3 and is below the threshold 0.4. Both encounters are right.
    rows = [
        ("ana", {"ana": 0.5, "bo": 0.75}),
        ("zoe", {"ana": 0.3, "bo": 0.1}),
        ("ana", {"ana": 0.75, "bo": 0.25}),
        ("zoe", {"ana": 0.3, "bo": 0.1}),
    ]
    result = Pooling(np.array(["1", "2", "1", "2"]), "mean").pool(answers(rows))
    overall = summarise(result, Thresholds("fixed", {"all": 0.4}, True, (), 0.4)).overall
    assert (overall["n_queries"], overall["n_known"], overall["n_unknown"]) == (2, 1, 1)
    assert (overall.score, overall.rank1) == (1.0, 1.0)
    assert math.isnan(overall["map"])
    assert "encounter" in overall.reasons["map"]


def test_own_and_other_scores_are_pooled_by_the_same_rule():
    own = np.array([0.5, 0.75])
    assert Pooling(np.array(["e", "e"]), "best").pool_own(own, TWO).tolist() == [0.75]
    assert Pooling(np.array(["e", "e"]), "mean").pool_own(own, TWO).tolist() == [0.625]
    assert other_best(Pooling(np.array(["e", "e"]), "mean").pool(TWO)).tolist() == [0.5]
    # Not compared in the second photograph: the lowest listed score, 0, replaces it.
    assert Pooling(np.array(["e", "e"]), "mean").pool_own(np.array([0.5, -INF]), TWO).tolist() == [0.25]
    assert Pooling(np.array(["e", "e"]), "mean").pool_own(np.array([-INF, -INF]), TWO).tolist() == [-INF]


def test_two_animals_in_one_encounter_are_refused():
    with pytest.raises(ValueError, match="differ in true"):
        Pooling(np.array(["e", "e"]), "best").pool(answers([("ana", {"ana": 1.0}), ("bo", {"ana": 1.0})]))


def test_encounter_alone_means_the_best_score():
    assert parse_query("encounter") == "encounter:best"
    assert parse_query("encounter:mean") == "encounter:mean"


def test_an_unknown_unit_is_refused_with_the_choices():
    with pytest.raises(ReidbenchError, match="'day'") as caught:
        parse_query("day")
    assert "encounter:mean" in caught.value.remedy
