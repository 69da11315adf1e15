"""Numbers by size of the encounter, worked by hand from six queries, and what is said if there are none."""

from types import SimpleNamespace

import numpy as np

from reidbench.leaderboard.ranking import leaderboard
from reidbench.metrics.answers import Answers
from reidbench.records.saved_run import read_saved_run
from reidbench.reporting.blocks import Remark
from reidbench.reporting.charts import Series
from reidbench.reporting.page import write_report
from reidbench.reporting.panels.base import Board
from reidbench.reporting.panels.encounter_size import PANEL
from reidbench.thresholds import Thresholds

TITLE = "Score by size of the encounter"
# Known: ana twice, bo and cat once. Unknown: zoe and yak. The threshold is 0.5.
TRUE = ["ana", "ana", "bo", "zoe", "cat", "yak"]
BEST = ["ana", "bo", "bo", "ana", "cat", "ana"]
SCORE = [0.9, 0.8, 0.2, 0.1, 0.7, 0.6]


def board(*sizes):
    """Return a board with one row for each list of sizes, all with the same queries."""
    answers = Answers(
        true=np.array(TRUE, dtype=object),
        known=np.array([name not in ("zoe", "yak") for name in TRUE]),
        group=np.full(6, "lynx"),
        candidates=np.array([[name] for name in BEST], dtype=object),
        scores=np.array(SCORE)[:, None],
        average_precision=np.full(6, np.nan),
        gallery_identities={"lynx": 3},
    )
    thresholds = Thresholds("fixed=0.5", {}, pooled=True, value=0.5)
    series = []
    for place, size in enumerate(sizes):
        test = SimpleNamespace(answers=answers, encounter_size=None if size is None else np.array(size))
        curves = SimpleNamespace(saved=SimpleNamespace(test=test, thresholds=thresholds))
        series.append(Series(place, f"b0r{place}", ("sift", "aliked")[place], curves))
    return Board(0, [None] * len(sizes), series, None, None)


def cells(table):
    return [list(of_row) for _, of_row in table.rows]


def test_queries_are_counted_with_encounters_of_their_size():
    _, remark, grid = PANEL.blocks(board([1, 1, 1, 1, 3, 2]))
    one, few, many = grid.blocks
    # Size 1: ana 1/2, bo rejected 0/1, so BAKS 1/4; zoe is rejected, so BAUS 1; best candidates: ana 1/2, bo 1/1.
    assert cells(one) == [["0.500", "0.250", "1.000", "0.750", "3", "1"]] and one.note == ""
    # Sizes 2 and 3: cat is right, yak is accepted.
    assert cells(few) == [["0.000", "1.000", "0.000", "1.000", "1", "1"]]
    assert cells(many) == [["–", "–", "–", "–", "0", "0"]] and many.note == "–: no queries."
    assert "one animal from one event" in remark.text and "without a date" not in remark.text


def test_an_undefined_cell_has_its_reason_and_queries_without_a_date_are_left_out():
    _, remark, grid = PANEL.blocks(board([4, 9, 0, 0, 0, 0]))
    many = grid.blocks[2]
    assert cells(many) == [["–", "0.500", "–", "0.500", "2", "0"]]
    assert many.note == "–: no unknown queries; the score leaves out lynx (no unknown queries)."
    assert remark.text.endswith("Queries without a date, a time or an encounter are left out: 4 of 6.")


def test_photographs_without_dates_are_said_in_one_sentence():
    _, *blocks = PANEL.blocks(board([0] * 6))
    assert [type(block) for block in blocks] == [Remark]
    assert blocks[0].text.count(".") == 1 and "no dates" in blocks[0].text


def test_runs_of_an_earlier_version_are_undefined_next_to_others_and_no_panel_alone():
    _, _, grid = PANEL.blocks(board([1] * 6, None))
    assert cells(grid.blocks[0])[1] == ["–"] * 6
    assert grid.blocks[0].note == "–: an earlier version of reidbench wrote the run (aliked)."
    assert PANEL.blocks(board(None)) == []


def test_the_panel_is_made_from_saved_runs(finished):
    rows = leaderboard(finished.records)
    text = write_report(rows)
    # The hostile dataset has no dates.
    assert text.count(TITLE) == 2 and text.count("have no dates") == 1
    test = read_saved_run(finished.of("patterns")[0]).test
    known = test.answers.known & (test.encounter_size == 1)
    assert 0 < known.sum() < len(known)
    assert f'<td class="number">{known.sum()}</td>' in text[text.index("Encounters of 1 photograph") :]
