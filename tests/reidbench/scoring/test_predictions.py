"""Scoring a file of predictions: a case worked by hand, and errors in the files."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from reidbench.constants import NEW_IDENTITY as NEW
from reidbench.errors import ReidbenchError
from reidbench.scoring.predictions import score_predictions

TRUTH = """image_id,identity,is_new,group
1,a,0,L
2,a,0,L
3,a,0,L
4,b,0,L
5,n,1,L
6,n,1,L
7,c,0,S
8,m,1,S
"""
ANSWERS = f"image_id,identity\n8,c\n7,c\n6,a\n5,{NEW}\n4,b\n3,{NEW}\n2,a\n1,a\n"  # in another order than the truth


def files(folder: Path, answers: str = ANSWERS, truth: str = TRUTH) -> tuple[Path, Path]:
    (folder / "predictions.csv").write_text(answers, encoding="utf-8")
    (folder / "truth.csv").write_text(truth, encoding="utf-8")
    return folder / "predictions.csv", folder / "truth.csv"


def error_of(folder: Path, answers: str = ANSWERS, truth: str = TRUTH) -> str:
    with pytest.raises(ReidbenchError) as caught:
        score_predictions(*files(folder, answers, truth))
    assert caught.value.where and caught.value.remedy
    return str(caught.value)


def test_two_groups_worked_by_hand(tmp_path):
    metrics = score_predictions(*files(tmp_path))
    lynx, salamander = metrics.groups["L"], metrics.groups["S"]
    assert lynx.baks == pytest.approx(5 / 6)  # a 2/3, b 1/1
    assert lynx.baus == 0.5  # n 1/2
    assert lynx.score == pytest.approx(0.6454972243679028, abs=1e-15)
    assert (salamander.baks, salamander.baus, salamander.score) == (1.0, 0.0, 0.0)
    assert metrics.overall.score == pytest.approx(0.3227486121839514, abs=1e-15)
    assert metrics.overall.pooled_score == pytest.approx(0.4714045207910317, abs=1e-15)
    assert metrics.overall.root_of_means_score == pytest.approx(0.47871355387816905, abs=1e-15)


def test_metrics_that_need_scores_are_undefined(tmp_path):
    overall = score_predictions(*files(tmp_path)).overall
    assert math.isnan(overall.rank1) and math.isnan(overall.auroc)
    assert overall.reasons["auroc"] == "needs scores"


def test_tables_can_be_scored_instead_of_files():
    truth = pd.DataFrame({"image_id": [1, 2], "identity": ["a", "n"], "is_new": [False, True]})
    answers = pd.DataFrame({"image_id": [2, 1], "identity": [NEW, "a"]}, index=[7, 7])
    assert score_predictions(answers, truth).overall.score == 1.0
    assert truth["image_id"].tolist() == [1, 2]  # not changed


def test_more_columns_are_not_used_and_a_note_lists_them(tmp_path):
    notes = []
    lines = [f"{line},x" for line in ANSWERS.splitlines()]
    truth = [f"{line},{'species' if not row else 'lion'}" for row, line in enumerate(TRUTH.splitlines())]
    metrics = score_predictions(*files(tmp_path, "\n".join(lines), "\n".join(truth)), note=notes.append)
    assert metrics.overall.score == pytest.approx(0.3227486121839514)
    assert "columns of the predictions that are not used: 'x'" in notes
    assert "columns of the truth that are not used: 'species'" in notes


def test_a_column_of_second_predictions_is_named_as_one():
    notes = []
    truth = pd.DataFrame({"image_id": ["1", "2"], "identity": ["ana", "bo"], "is_new": ["0", "1"]})
    answers = pd.DataFrame({"image_id": ["1", "2"], "identity": ["ana", NEW], "identity_2": ["bo", "ana"]})
    assert score_predictions(answers, truth, note=notes.append).overall.score == 1.0
    assert notes == [
        "columns of the predictions that are not used: 'identity_2' (it holds identities; only the column identity is "
        "scored)"
    ]


def test_without_a_group_all_images_are_one(tmp_path):
    truth = "\n".join(line.rpartition(",")[0] for line in TRUTH.splitlines())
    metrics = score_predictions(*files(tmp_path, truth=truth))
    assert list(metrics.groups) == ["all"]
    assert metrics.overall.score == pytest.approx(0.4714045207910317)  # BAKS 8/9, BAUS 1/4


def test_an_identity_called_na_is_a_name_if_the_user_says_so(tmp_path):
    truth = "image_id,identity,is_new\n01,NA,0\n1,None,1\n"
    paths = files(tmp_path, f"image_id,identity\n01,NA\n1,{NEW}\n", truth)
    with pytest.raises(ReidbenchError, match="2 images are without a real identity"):
        score_predictions(*paths)
    metrics = score_predictions(*paths, names=["NA", "None"])
    assert metrics.overall.score == 1.0  # and "01" is not "1"


def test_predicting_an_identity_of_another_group_is_wrong(tmp_path):
    metrics = score_predictions(*files(tmp_path, ANSWERS.replace("7,c", "7,a")))
    assert metrics.groups["S"].baks == 0.0


ONE_SIDED = "image_id,identity,is_new,group\n1,a,0,L\n2,n,1,L\n3,c,0,S\n"


def test_a_group_with_an_empty_side_is_left_out_or_counts_zero(tmp_path):
    paths = files(tmp_path, f"image_id,identity\n1,a\n2,{NEW}\n3,c\n", ONE_SIDED)
    left_out = score_predictions(*paths).overall
    assert left_out.score == 1.0
    assert list(left_out.left_out) == ["S"]
    assert score_predictions(*paths, empty_side="zero").overall.score == 0.5


def test_missing_image_ids_are_named(tmp_path):
    message = error_of(tmp_path, f"image_id,identity\n1,a\n8,{NEW}\n")
    assert "6 image_ids are missing from the predictions: 2, 3, 4, 5, 6 and 1 more" in message


def test_extra_image_ids_are_named(tmp_path):
    assert "2 image_ids are not in the truth: x, y" in error_of(tmp_path, ANSWERS + "x,a\ny,a\n")


def test_repeated_image_ids_are_named_in_either_file(tmp_path):
    assert "1 image_id is repeated: 1" in error_of(tmp_path, ANSWERS + "1,b\n")
    assert "1 image_id is repeated: 7" in error_of(tmp_path, truth=TRUTH + "7,c,0,S\n")


@pytest.mark.parametrize("value", ["", "2", "true", "1.5"])
def test_is_new_is_zero_or_one(tmp_path, value):
    assert f"is_new is '{value}' for image_id 8" in error_of(tmp_path, truth=TRUTH.replace("8,m,1", f"8,m,{value}"))


@pytest.mark.parametrize("hidden", ["", NEW])
def test_a_new_animal_needs_its_hidden_identity(tmp_path, hidden):
    assert "without a real identity" in error_of(tmp_path, truth=TRUTH.replace("8,m,1", f"8,{hidden},1"))


def test_an_empty_prediction_is_an_error(tmp_path):
    assert "1 prediction is empty: image_id 4" in error_of(tmp_path, ANSWERS.replace("4,b", "4,"))


def test_an_identity_is_known_or_new(tmp_path):
    assert "1 identity is both known and new: n" in error_of(tmp_path, truth=TRUTH.replace("5,n,1", "5,n,0"))


def test_the_remedy_for_an_identity_in_two_groups_is_a_prefix(tmp_path):
    message = error_of(tmp_path, truth=TRUTH.replace("7,c,0,S", "7,a,0,S"))
    assert "1 identity is in several groups: a" in message and "prefix" in message


def test_a_missing_column_is_named(tmp_path):
    message = error_of(tmp_path, "image_id,name\n1,a\n")
    assert "no column identity in the predictions" in message and "image_id,name" in message
    assert "no column is_new in the truth" in error_of(tmp_path, truth="image_id,identity\n1,a\n")


def test_the_error_for_a_row_of_another_length_names_its_line(tmp_path):
    message = error_of(tmp_path, "image_id,identity\n1,a\n2,a,b\n")
    assert "the row has 3 cells, the header 2" in message and "predictions.csv, row 3" in message


def test_files_that_cannot_be_read_are_errors(tmp_path):
    predictions, truth = files(tmp_path)
    with pytest.raises(ReidbenchError, match="can't be read: No such file"):
        score_predictions(tmp_path / "none.csv", truth)
    assert "is empty" in error_of(tmp_path, "")
    assert "has no rows" in error_of(tmp_path, truth="image_id,identity,is_new\n")
    predictions.write_bytes(b"image_id,identity\n1,\xff\n")
    with pytest.raises(ReidbenchError, match="can't be read"):
        score_predictions(predictions, truth)


def test_blanks_around_cells_and_column_names_are_ignored(tmp_path):
    spaced = ANSWERS.replace(",", " , ")
    assert score_predictions(*files(tmp_path, spaced)).overall.score == pytest.approx(0.3227486121839514)
    assert "1 prediction is empty: image_id 4" in error_of(tmp_path, ANSWERS.replace("4,b", "4, "))


def test_a_byte_order_mark_is_not_part_of_the_header(tmp_path):
    assert score_predictions(*files(tmp_path, "\ufeff" + ANSWERS)).overall.n_queries == 8


def test_predictions_with_a_header_only_lack_every_query(tmp_path):
    (tmp_path / "p.csv").write_text("image_id,identity\n")
    (tmp_path / "t.csv").write_text("image_id,identity,is_new\n1,ana,0\n")
    with pytest.raises(ReidbenchError, match="1"):
        score_predictions(tmp_path / "p.csv", tmp_path / "t.csv")
