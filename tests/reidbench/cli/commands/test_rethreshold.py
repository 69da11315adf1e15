"""``reidbench rethreshold``: tables, JSON, ids and errors."""

import json
from itertools import takewhile

import pytest
import typer
from typer.testing import CliRunner

import reidbench
from reidbench.cli.commands.rethreshold import rethreshold
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.records.saved_run import read_saved_run
from reidbench.registry.registered import load_registry
from reidbench.thresholds.apply import choose_thresholds

app = typer.Typer()
app.command()(rethreshold)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return reidbench.evaluate(
        "color_histogram",
        "patterns:identities=24,size=64,level=easy",
        runs_dir=tmp_path_factory.mktemp("runs"),
        progress=Progress(),
        device="cpu",
    )


def call(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


STRICT = """
import reidbench


class Strict:
    text = "strict"
    needs_gallery = False

    def choose(self, answers, gallery=None):
        return reidbench.Thresholds("strict", {}, True, value=float(answers.best_score.max()))


@reidbench.hookimpl
def reidbench_threshold_policies():
    return [reidbench.PolicySpec("strict", "only the best is known", lambda value, scope: Strict(), ("strict",))]
"""


def test_a_policy_in_a_plain_file_decides_again(record, tmp_path):
    (tmp_path / "strict.py").write_text(STRICT)
    told = json.loads(call(record.path, "--threshold", "strict", "--plugin", tmp_path / "strict.py", "--json"))
    best = read_saved_run(record).calibration.answers.best_score.max()
    assert told["threshold"]["policy"] == "strict" and told["threshold"]["value"] == pytest.approx(best)
    tried = json.loads(call(record.path, "--threshold", "all", "--plugin", tmp_path / "strict.py", "--json"))
    assert [each["policy"] for each in tried].count("strict") == 1
    with pytest.raises(ReidbenchError, match="strict"):
        call(record.path, "--threshold", "strict")


def test_a_new_record_is_written_and_named(record):
    text = call(record.path, "--threshold", "mad=1")
    assert "threshold: mad=1" in text and str(record.path.parent) in text
    by_id = call(record.id[:8], "--runs", record.path.parents[2], "--threshold", "mad=1")
    assert by_id == text


def test_json_is_the_record(record):
    data = json.loads(call(record.path, "--threshold", "max-score:group", "--json"))
    assert data["threshold"]["policy"] == "max-score:group" and data["metrics"]["test"]["overall"]["score"] >= 0


def test_all_is_a_table_that_fits_eighty_columns_and_writes_nothing(record):
    before = sorted(record.path.parent.iterdir())
    text = call(record.path, "--threshold", "all")
    assert max(map(len, text.splitlines())) <= 80
    for word in (
        "max-score-bagged:shrunk",
        "leave-identity-out:shrunk",
        "regret",
        "it will probably score less on other photographs",
        "Warning: only",
    ):
        assert word in " ".join(text.split())
    assert "Not applied: conformal=0.05: the calibration part has" in text
    assert sorted(record.path.parent.iterdir()) == before


def test_both_intervals_stand_beside_each_other(record):
    text = call(record.path, "--threshold", "mad=1", "--redraw")
    assert "the threshold held fixed" in text and "also over calibration animals" in text
    data = json.loads(call(record.path, "--threshold", "mad=1", "--redraw", "--json"))
    found, score = data["intervals"], data["metrics"]["test"]["overall"]["score"]
    assert found["score_low"] <= score <= found["score_high"] and found["redrawn_low"] <= score <= found["redrawn_high"]
    assert f"{found['redrawn_low']:.3f}–{found['redrawn_high']:.3f}" in text
    assert f"{found['score_low']:.3f}–{found['score_high']:.3f}" in text


@pytest.fixture
def few_redraws(monkeypatch):
    """Every policy is redrawn, each a few times: an interval of the layout's width, not one to believe."""
    monkeypatch.setattr("reidbench.thresholds.redraw.FOLDS", 8)


def rows_of(text):
    """Return the cells of each row of the table, which stands between its rule and the next empty line."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if "───" in line) + 1
    return [line.split() for line in takewhile(str.strip, lines[start:])]


def test_every_policy_has_both_intervals_in_eighty_columns(record, few_redraws, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = call(record.path, "--threshold", "all", "--redraw")
    assert max(map(len, text.splitlines())) <= 80
    rows = {policy: cells for policy, *cells in rows_of(text)}
    assert {"max-score", "margin:shrunk", "mad=2:group", "mixture"} <= set(rows)
    for score, interval, redrawn, *_ in rows.values():
        low, high = map(float, redrawn.split("–"))
        assert 0 <= low <= float(score) <= high <= 1 and len(interval) == len("0.000–1.000")
    assert len({redrawn for _, _, redrawn, *_ in rows.values()}) > 1  # each policy was redrawn by its own rule
    assert "Not shown at a width of 80: threshold. A wider terminal shows them." in " ".join(text.split())


def test_a_wide_terminal_has_the_thresholds_beside_both_intervals(record, few_redraws, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    text = call(record.path, "--threshold", "all", "--redraw")
    heading = next(line.split() for line in text.splitlines() if line.startswith(" policy"))
    assert heading == ["policy", "threshold", "score", "95", "%", "redrawn", "BAKS", "BAUS", "regret"]
    assert "shows the thresholds too" not in text and max(map(len, text.splitlines())) <= 110


def test_all_as_json_has_a_row_for_each_policy(record):
    rows = json.loads(call(record.path, "--threshold", "all", "--json"))
    assert {"policy", "score", "baks", "baus", "regret", "score_low", "score_high", "threshold", "refused"} == set(
        rows[0]
    ) - {"oracle_score", "redrawn_low", "redrawn_high"}
    assert rows[0]["redrawn_low"] is None  # not asked for
    assert rows[0]["regret"] <= rows[1]["regret"] and rows[-1]["refused"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere", "--threshold", "all"], "nowhere"), ([None, "--threshold", "mda"], "did you mean 'mad'")],
)
def test_bad_input_is_one_message(record, arguments, message):
    arguments = [record.path if each is None else each for each in arguments]
    with pytest.raises(ReidbenchError, match=message):
        call(*arguments)


@pytest.mark.parametrize("own", ["max-score", "max-score:group"])
def test_with_one_group_a_policy_is_one_row_whatever_its_scope(tmp_path, own):
    drawn = reidbench.load_dataset("patterns:identities=24,size=64,level=easy")
    turtles = drawn.take([row for row, group in enumerate(drawn.group) if group == "turtle"])
    record = reidbench.evaluate("color_histogram", turtles, runs_dir=tmp_path, threshold=own, progress=Progress())
    rows = json.loads(call(record.path, "--threshold", "all", "--json"))
    names = [row["policy"].removesuffix(":group").removesuffix(":shrunk") for row in rows]
    assert len(names) == len(set(names)) and {"max-score", "mad=1", "margin", "conformal=0.1"} <= set(names)
    assert [row["policy"] for row in rows if ":" in row["policy"]] == ([own] if ":" in own else [])
    assert "a policy gives the same result with :group, with :shrunk and without" in " ".join(
        call(record.path, "--threshold", "all").split()
    )


def test_with_one_group_the_scopes_choose_the_same_threshold(tmp_path):
    drawn = reidbench.load_dataset("patterns:identities=24,size=64,level=easy")
    turtles = drawn.take([row for row, group in enumerate(drawn.group) if group == "turtle"])
    record = reidbench.evaluate("color_histogram", turtles, runs_dir=tmp_path, progress=Progress())
    saved = read_saved_run(record)
    registry = load_registry()
    values = {
        policy: {
            text: choose_thresholds(registry.policy(text), saved.calibration.answers, saved.gallery).values["turtle"]
            for text in (policy, f"{policy}:group", f"{policy}:shrunk")
        }
        for policy in ("max-score", "mad=1", "fpir=0.1", "margin")
    }
    assert all(len(set(each.values())) == 1 for each in values.values()), values
