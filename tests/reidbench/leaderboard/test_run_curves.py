"""Curves are the run's own numbers, read at other thresholds."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from reidbench.constants import NEW_IDENTITY
from reidbench.leaderboard.run_curves import curves_of, run_curves
from reidbench.reporting.charts import Series, open_set_curve


@pytest.fixture(scope="module", params=["color_histogram", "sift"])
def run(request, finished):
    return next(record for record in finished.of("patterns") if record.method == request.param)


@pytest.fixture(scope="module")
def curves(run):
    return curves_of(run)


def test_what_was_answered_is_what_the_record_says(run, curves):
    assert curves.chosen == pytest.approx((run.metrics["baks"], run.metrics["baus"]))
    errors = curves.answered_rates
    assert errors["false_new"] + errors["misidentified"] == pytest.approx(1 - run.metrics["baks"])
    assert errors["false_match"] == pytest.approx(1 - run.metrics["baus"])


def test_groups_have_the_record_s_scores(run, curves):
    for group in curves.groups:
        recorded = run.data.metrics.test.groups[group.name]
        assert group.score == pytest.approx(recorded["score"])
        assert group.oracle_score == pytest.approx(recorded["oracle_score"])
        adjustment = run.data.threshold.adjustment
        moves = adjustment and (adjustment.second or adjustment.log_size)  # then no one threshold decided
        expected = math.nan if moves else run.data.threshold.values[group.name]
        assert group.chosen == pytest.approx(expected, nan_ok=True)
        assert group.n_known == recorded["n_known"] and group.n_unknown == recorded["n_unknown"]
        place = int(group.sweep.index(group.oracle))
        assert group.sweep.score[place] == pytest.approx(group.oracle_score)


def test_the_oracle_point_holds_the_record_s_oracle_score(run, curves):
    answers = curves.saved.test.answers
    scores = []
    for group in curves.groups:
        mine = answers.group == group.name
        accepted = answers.best_score >= group.oracle
        predicted = np.where(accepted, answers.best_candidate, NEW_IDENTITY)
        sides = []
        for known, right in ((True, predicted == answers.true), (False, predicted == NEW_IDENTITY)):
            side = mine & (answers.known == known)
            sides.append(np.mean([right[side & (answers.true == who)].mean() for who in set(answers.true[side])]))
        scores.append(math.sqrt(sides[0] * sides[1]))
    assert np.mean(scores) == pytest.approx(run.metrics["oracle_score"])
    assert all(0 <= side <= 1 for side in curves.oracle)


def with_limits(curves, limit):
    """The curves of the same scores with other thresholds."""
    test, answers = curves.saved.test, curves.saved.test.answers
    predicted = np.where(answers.best_score >= limit, answers.best_candidate, NEW_IDENTITY)
    return run_curves(replace(curves.saved, test=replace(test, limit=limit, predicted=predicted)))


def drawn_titles(curves):
    return re.findall(r"<title>(m, [^<]*)</title>", str(open_set_curve([Series(0, "m", "m", curves)])))


def test_a_mark_with_one_threshold_lies_on_its_curve(curves):
    middle = float(np.median(curves.saved.test.answers.best_score))
    fixed = with_limits(curves, np.full(len(curves.saved.test.limit), middle))
    assert fixed.moves == "" and fixed.to_json()["chosen_moves"] == ""
    place = int(fixed.sweep.index(middle))
    assert fixed.chosen == pytest.approx((fixed.sweep.baks[place], fixed.sweep.baus[place]))
    assert drawn_titles(fixed)[1].startswith("m, as predicted: BAKS")


def test_a_mark_whose_threshold_moves_is_drawn_as_such(curves):
    answers = curves.saved.test.answers
    by_group = with_limits(curves, np.where(answers.group == answers.group[0], 0.0, 1.0))
    assert len(by_group.groups) > 1 and by_group.moves == "by group"
    assert drawn_titles(by_group)[1].startswith("m, as predicted (the threshold moves by group): BAKS")
    by_query = with_limits(curves, np.linspace(0.0, 1.0, len(answers)))
    assert by_query.moves == "by query" and by_query.to_json()["chosen_moves"] == "by query"
    oracle, chosen = drawn_titles(by_query)
    assert "hindsight (the threshold moves by group)" in oracle and "(the threshold moves by query)" in chosen


def test_the_oracle_does_not_depend_on_the_rule(curves):
    other = with_limits(curves, np.linspace(0.0, 1.0, len(curves.saved.test.limit)))
    assert other.oracle == curves.oracle
    assert [group.oracle_score for group in other.groups] == [group.oracle_score for group in curves.groups]


def test_ranks_begin_with_the_record_s(run, curves):
    assert curves.rank[0] == pytest.approx(run.metrics["rank1"])
    assert curves.rank[4] == pytest.approx(run.metrics["rank5"])
    assert curves.balanced_rank[0] == pytest.approx(run.metrics["balanced_rank1"])
    assert (np.diff(curves.rank) >= 0).all() and len(curves.rank) == 20


def test_histograms_hold_every_query_that_has_a_score(curves):
    for group in curves.groups:
        assert group.known.sum() == pytest.approx(1) and group.unknown.sum() == pytest.approx(1)


def test_rates_that_the_unknown_animals_do_not_allow_have_reasons(curves):
    assert [rate.fpir for rate in curves.identification] == [0.01, 0.05, 0.1]
    few = len(set(curves.saved.test.answers.true[~curves.saved.test.answers.known]))
    for rate in curves.identification:
        assert bool(rate.reason) == (few < 1 / rate.fpir)


def test_reliability_says_what_it_is_or_why_it_is_not(curves):
    calibration = curves.saved.calibration.answers
    if len(calibration) < 20:
        assert curves.reliability is None and "undefined" in curves.reliability_note
    else:
        assert 0 <= curves.reliability.ece <= 1 and f"{len(calibration)} calibration" in curves.reliability_note


def test_json_is_compact_and_plain(curves):
    text = json.dumps(curves.to_json(), allow_nan=False)
    assert len(text) < 10_000
    assert json.loads(text)["chosen"]["baks"] == pytest.approx(curves.chosen[0], abs=1e-4)
