"""What photographs of the query's own day are worth, on four queries worked by hand."""

from pathlib import Path

import numpy as np
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.leaderboard.without_encounters import without_encounters
from reidbench.metrics.answers import Answers
from reidbench.records.run_data import RunData
from reidbench.records.run_record import RunRecord
from reidbench.records.saved_run import SavedEpisode, SavedRun
from reidbench.thresholds import parse_policy
from tests.reidbench.records.example import example

INF = np.inf


def _saved(rule="nearest", encountered=(True, True, True, False, False)):
    answers = Answers(
        true=np.array(["ana", "ana", "bo", "cy", "zoe"]),
        known=np.array([True, True, True, True, False]),
        group=np.array(["cat"] * 5),
        candidates=np.array([["ana", "bo"], ["ana", "bo"], ["bo", "ana"], ["cy", "bo"], ["bo", ""]], dtype=object),
        scores=np.array([[0.9, 0.6], [0.9, 0.4], [0.8, 0.3], [0.7, 0.1], [0.2, -INF]]),
        average_precision=np.full(5, np.nan),
        gallery_identities={"cat": 3},
    )
    test = SavedEpisode(
        image_id=np.array(list("abcde")),
        answers=answers,
        limit=np.full(5, 0.5),
        predicted=np.array(["ana", "ana", "bo", "cy", NEW_IDENTITY], dtype=object),
        own_best=np.array([0.6, 0.45, -INF, 0.7, -INF]),  # outside the encounter
        other_best=np.array([0.6, 0.4, 0.3, 0.1, 0.2]),
        encountered=None if encountered is None else np.array(encountered),
    )
    record = RunRecord(Path("run"), RunData.from_json(example(matching={"rule": rule})))
    thresholds = parse_policy("fixed=0.5").choose(answers)
    return SavedRun(record, test, test, thresholds, None, np.array(["ana", "bo", "cy"]), np.array(["cat"] * 3))


def test_own_day_is_hidden_and_the_query_answered_again():
    found = without_encounters(_saved())
    # ana ties with bo, who did not need the day; ana falls below the threshold; bo has nothing else and is left out;
    # cy never met its day, and zoe is new.
    assert found.predicted.tolist() == ["bo", NEW_IDENTITY, "cy", NEW_IDENTITY]
    assert found.answers.true.tolist() == ["ana", "ana", "cy", "zoe"]
    assert found.answers.scores[:, 0].tolist() == [0.6, 0.45, 0.7, 0.2]
    assert (found.n_known, found.n_encountered, found.n_left_out) == (4, 3, 1)


@pytest.mark.parametrize("saved", [_saved(rule="centroid"), _saved(encountered=None)])
def test_runs_that_can_not_tell_say_nothing(saved):
    assert without_encounters(saved) is None
