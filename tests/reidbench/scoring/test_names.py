"""Names in predictions and truth: one spelling, notes on what was changed, and no silent zero."""

import math

import pandas as pd
import pytest
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.scoring.clusters import score_cluster_file
from reidbench.scoring.predictions import score_predictions

TRUTH = "image_id,identity,is_new\n1,007,0\n2,Jos\u00e9,0\n3,Ana,0\n4,Zoe,1\n"
RIGHT = ("007", "Jos\u00e9", "Ana", "new_individual")


def scored(tmp_path, identities=RIGHT, truth=TRUTH, header="image_id,identity", **options):
    """Return the score of predictions for the images 1, 2, ..., and the notes."""
    rows = "".join(f"{row},{identity}\n" for row, identity in enumerate(identities, 1))
    (tmp_path / "p.csv").write_text(f"{header}\n{rows}", encoding="utf-8")
    (tmp_path / "t.csv").write_text(truth, encoding="utf-8")
    notes = []
    metrics = score_predictions(tmp_path / "p.csv", tmp_path / "t.csv", note=notes.append, **options)
    return metrics.overall.score, notes


def replaced(place, identity):
    return [identity if row == place else each for row, each in enumerate(RIGHT)]


def test_right_names_give_no_note(tmp_path):
    assert scored(tmp_path) == (1.0, [])


@pytest.mark.parametrize(
    ("place", "identity", "note"),
    [
        (2, " Ana ", "' Ana ' as 'Ana'"),
        (2, "Ana\u00a0", "'Ana\\xa0' as 'Ana'"),
        (2, "An\u200ba", "'An\\u200ba' as 'Ana'"),
        (1, "Jose\u0301", "'Jose\\u0301' as"),
        (0, "7", "1 prediction read as the same number with other zeros in front: '7' as '007' (1)"),
        (0, "07", "'07' as '007' (1)"),
        (3, "New_Individual", "1 prediction read as new_individual: 'New_Individual' (1)"),
        (3, "new individual", "'new individual' (1)"),
        (3, "new", "'new' (1)"),
        (3, "Unknown", "'Unknown' (1)"),
        (3, "?", "'?' (1)"),
    ],
)
def test_another_spelling_is_the_right_answer_and_noted(tmp_path, place, identity, note):
    score, notes = scored(tmp_path, replaced(place, identity))
    assert score == 1.0 and len(notes) == 1 and note in notes[0]


def test_a_number_that_two_identities_of_the_truth_have_is_not_matched(tmp_path):
    truth = TRUTH + "5,07,0\n"
    score, notes = scored(tmp_path, ["7", *RIGHT[1:], "07"], truth)
    assert score == pytest.approx(math.sqrt(3 / 4))  # 007 is wrong, 07, Jose and Ana are right; Zoe is right
    assert notes == [
        "1 of 4 predictions of an animal have a name that is not in the truth: '7' (1; most similar in the truth: "
        "'007'); they count as wrong identities, which is correct if these animals are enrolled but no query shows them"
    ]


def test_a_name_in_other_case_is_wrong_and_quoted_with_the_nearest(tmp_path):
    score, notes = scored(tmp_path, replaced(2, "ANA"))
    assert score == pytest.approx(math.sqrt(2 / 3))
    assert "1 of 3 predictions" in notes[0] and "'ANA' (1; most similar in the truth: 'Ana')" in notes[0]


def test_an_animal_of_the_truth_called_new_stays_an_animal(tmp_path):
    truth = TRUTH.replace("Ana", "new")
    assert scored(tmp_path, replaced(2, "new"), truth) == (1.0, [])


def test_no_matching_name_is_an_error_unless_allowed(tmp_path):
    wrong = ["a 7", "JOSE", "ANA", "new_individual"]
    with pytest.raises(ReidbenchError, match="3 of 3 predictions of an animal") as caught:
        scored(tmp_path, wrong)
    assert "--allow-unmatched" in caught.value.remedy
    score, notes = scored(tmp_path, wrong, allow_unmatched=True)
    assert score == 0.0 and len(notes) == 1


@pytest.mark.parametrize("word", ["NA", "nan", "None", "null", "."])
def test_a_word_for_an_empty_cell_is_an_empty_prediction(tmp_path, word):
    with pytest.raises(ReidbenchError, match=rf"1 prediction is empty \('{word}'\): image_id 4"):
        scored(tmp_path, replaced(3, word))


def test_words_of_the_user_count_as_new_or_as_names(tmp_path):
    assert scored(tmp_path, replaced(3, "stray"), unknown=["stray"])[0] == 1.0
    truth = TRUTH.replace("Ana", "None")
    assert scored(tmp_path, replaced(2, "None"), truth, names=["None"]) == (1.0, [])


def test_a_spreadsheet_with_blank_rows_and_headers_gives_the_same_score(tmp_path):
    score, notes = scored(tmp_path, [*RIGHT[:3], "new_individual\n,\n , "], header=" image_id , identity\u00a0")
    assert (score, notes) == (1.0, [])


def test_a_table_with_floats_and_blank_rows_gives_the_same_score():
    nan = float("nan")
    truth = pd.DataFrame({"image_id": [1, 2], " identity ": [7, 8], "is_new": [0, 0]})
    predictions = pd.DataFrame({"image_id": [1.0, nan, 2.0], "identity": [7.0, nan, 9.0]})
    with pytest.warns(UserWarning, match=r"'7\.0' as '7'") as warned:
        metrics = score_predictions(predictions, truth)
    assert len(warned) == 3  # image ids, identities, and the unmatched 9
    assert metrics.overall.baks == 0.5  # image 1 is right, image 2 is wrong


def test_numbers_with_a_point_in_a_csv_that_pandas_wrote_are_whole(tmp_path):
    truth = "image_id,identity,is_new\n1,7,0\n2,8,1\n"
    assert scored(tmp_path, ["7.0", "new_individual"], truth)[0] == 1.0


def test_notes_are_printed_on_stderr(tmp_path):
    scored(tmp_path, replaced(2, "Anna"))
    paths = str(tmp_path / "p.csv"), "--truth", str(tmp_path / "t.csv")
    done = CliRunner().invoke(app, ["score", *paths, "--json"], catch_exceptions=False)
    assert "note: 1 of 3 predictions" in done.stderr and "note" not in done.stdout


def clusters(tmp_path, rows, truth, **options):
    (tmp_path / "p.csv").write_text("image_id , cluster\n" + rows, encoding="utf-8")
    (tmp_path / "t.csv").write_text("image_id,identity\n" + truth, encoding="utf-8")
    notes = []
    return score_cluster_file(tmp_path / "p.csv", tmp_path / "t.csv", note=notes.append, **options), notes


def test_clusters_follow_the_same_rule(tmp_path):
    truth = "1,Ana\n2,Ana \n3,Jos\u00e9\n4,Jose\u0301\n"
    result, notes = clusters(tmp_path, "1.0,7\n2.0, 7\n\n,\n3.0,8\n4.0,8\u00a0\n", truth)
    assert result.overall.ari == 1.0 and len(notes) == 3  # image_id, cluster, identity


def test_one_cluster_for_all_new_animals_is_noted(tmp_path):
    _, notes = clusters(tmp_path, "1,-1\n2,-1\n3,a\n", "1,x\n2,y\n3,z\n")
    assert notes == ["2 images have the cluster '-1', which counts as one cluster, so as one animal"]


def test_a_word_for_an_unidentified_animal_is_no_cluster_and_no_identity(tmp_path):
    with pytest.raises(ReidbenchError, match="image_id '2' has no cluster: 'nan' names none"):
        clusters(tmp_path, "1,a\n2,nan\n", "1,x\n2,y\n")
    with pytest.raises(ReidbenchError, match="image_id '2' has no identity: 'unknown' names none"):
        clusters(tmp_path, "1,a\n2,b\n", "1,x\n2,unknown\n")
    assert clusters(tmp_path, "1,a\n2,b\n", "1,x\n2,None\n", names=["None"])[0].overall.ari == 1.0


def test_words_that_no_cluster_and_no_identity_has_are_noted(tmp_path):
    rules = {"unknown": ["gone"], "names": ["None", "ana"]}
    _, notes = clusters(tmp_path, "1,a\n2,None\n", "1,Ana\n2,x\n", **rules)
    assert notes == [
        "--unknown gone: no row has this word",
        "--name ana: no row has this name; the spelling there is 'Ana'",
    ]
