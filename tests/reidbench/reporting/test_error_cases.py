"""Errors by kind, the most certain first, no animal filling the page."""

import numpy as np
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.metrics.answers import Answers
from reidbench.records.saved_run import SavedEpisode
from reidbench.reporting.error_cases import error_cases


def episode(rows):
    """Rows of ``(true, known, candidates, scores, predicted)`` against a threshold of 0.5."""
    true, known, candidates, scores, predicted = zip(*rows, strict=True)
    n_query = len(rows)
    answers = Answers(
        true=np.array(true),
        known=np.array(known),
        group=np.full(n_query, "g"),
        candidates=np.array(candidates, dtype=object),
        scores=np.array(scores, dtype=float),
        average_precision=np.full(n_query, np.nan),
        gallery_identities={"g": 3},
    )
    return SavedEpisode(
        image_id=np.array([f"q{place}" for place in range(n_query)]),
        answers=answers,
        limit=np.full(n_query, 0.5),
        predicted=np.array(predicted, dtype=object),
        own_best=np.full(n_query, 0.05),
        other_best=np.full(n_query, 0.0),
    )


TEST = episode(
    [
        ("ana", True, ["ana", "bo"], [0.9, 0.1], "ana"),  # right
        ("ana", True, ["ana", "bo"], [0.4, 0.1], NEW_IDENTITY),
        ("bo", True, ["ana", "bo"], [0.8, 0.7], "ana"),
        ("zoe", False, ["bo", "ana"], [0.6, 0.2], "bo"),
        ("zoe", False, ["bo", "ana"], [0.95, 0.2], "bo"),
        ("yak", False, ["ana", "bo"], [0.7, 0.2], "ana"),
        ("yak", False, ["ana", "bo"], [0.3, 0.2], NEW_IDENTITY),  # right
        ("cy", True, ["bo", ""], [0.2, -np.inf], NEW_IDENTITY),
    ]
)


def test_each_wrong_prediction_has_its_kind():
    found = error_cases(TEST, 10)
    assert {kind: total for kind, (_, total) in found.items()} == {"false_new": 2, "misidentified": 1, "false_match": 3}


def test_the_most_certain_come_first_and_every_animal_has_its_turn():
    matches, _ = error_cases(TEST, 10)["false_match"]
    assert [(case.true, case.score) for case in matches] == [("zoe", 0.95), ("yak", 0.7), ("zoe", 0.6)]
    assert len(error_cases(TEST, 1)["false_match"][0]) == 1 and error_cases(TEST, 1)["false_match"][1] == 3


def test_the_score_and_rank_of_the_correct_animal_are_given():
    (case,), _ = error_cases(TEST, 5)["misidentified"]
    assert (case.predicted, case.own_score, case.own_rank) == ("ana", 0.7, 2)
    missing = next(case for case in error_cases(TEST, 5)["false_new"][0] if case.true == "cy")
    assert (missing.own_score, missing.own_rank) == (0.05, None)
    assert missing.margin == pytest.approx(0.3)
