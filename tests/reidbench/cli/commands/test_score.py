"""``reidbench score``: the printed table and the JSON document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from reidbench.cli.commands.score import score
from reidbench.errors import ReidbenchError

app = typer.Typer()
app.command()(score)

TRUTH = "image_id,identity,is_new,group\n1,a,0,L\n2,a,0,L\n3,a,0,L\n4,b,0,L\n5,n,1,L\n6,n,1,L\n7,c,0,S\n8,m,1,S\n"
ANSWERS = "image_id,identity\n1,a\n2,a\n3,new_individual\n4,b\n5,new_individual\n6,a\n7,c\n8,c\n"


def call(folder: Path, *arguments: str, truth: str = TRUTH, answers: str = ANSWERS) -> str:
    (folder / "truth.csv").write_text(truth, encoding="utf-8")
    (folder / "predictions.csv").write_text(answers, encoding="utf-8")
    result = CliRunner().invoke(
        app,
        [str(folder / "predictions.csv"), "--truth", str(folder / "truth.csv"), *arguments],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_has_the_keys_of_a_runs_test_metrics(tmp_path):
    metrics = json.loads(call(tmp_path, "--json"))
    assert set(metrics) == {"overall", "groups"}
    assert metrics["overall"]["score"] == pytest.approx(0.3227486121839514, abs=1e-15)
    assert metrics["groups"]["L"]["score"] == pytest.approx(0.6454972243679028, abs=1e-15)
    for name in ("rank1", "mrr"):
        assert metrics["overall"][name] is None and metrics["overall"]["reasons"][name] == "needs scores"


def test_the_table_shows_each_group_and_all(tmp_path):
    lines = {line.split()[0]: line.split() for line in call(tmp_path).splitlines() if line.strip()}
    assert lines["L"][1:4] == ["0.6455", "0.8333", "0.5000"]
    assert lines["S"][1:4] == ["0.0000", "1.0000", "0.0000"]
    assert lines["overall"][1:4] == ["0.3227", "0.8889", "0.2500"]  # BAKS a 2/3, b 1, c 1; BAUS n 1/2, m 0


def test_metrics_that_predictions_cannot_give_are_named_with_the_reason(tmp_path):
    text = " ".join(call(tmp_path).split())
    assert "No value, because scores would be needed: rank1, rank5," in text and "regret." in text
    assert "No value, because the number of identities in the gallery would be needed: chance_score." in text
    assert "bal. Rank-1" not in text  # no column of dashes


def test_an_empty_side_is_a_dash_with_its_reason_or_zero(tmp_path):
    truth = "image_id,identity,is_new,group\n1,a,0,L\n2,n,1,L\n3,c,0,S\n"
    answers = "image_id,identity\n1,a\n2,new_individual\n3,c\n"
    text = call(tmp_path, truth=truth, answers=answers)
    assert "–" in text and "S is left out of the score: no unknown queries" in text
    zero = json.loads(call(tmp_path, "--empty-side", "zero", "--json", truth=truth, answers=answers))
    assert zero["overall"]["score"] == 0.5


def test_files_that_disagree_are_an_error(tmp_path):
    with pytest.raises(ReidbenchError, match="not in the truth: 9"):
        call(tmp_path, answers=ANSWERS + "9,a\n")


def test_the_truth_is_required(tmp_path):
    (tmp_path / "p.csv").write_text(ANSWERS)
    assert CliRunner().invoke(app, [str(tmp_path / "p.csv")]).exit_code == 2


def test_without_new_animals_the_missing_score_is_explained(tmp_path):
    text = call(tmp_path, truth="image_id,identity,is_new\n1,a,0\n", answers="image_id,identity\n1,a\n")
    assert "No score: no unknown queries." in text
