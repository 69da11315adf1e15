"""``reidbench compare``: formats, files and errors."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from reidbench.cli.commands.compare import compare
from reidbench.errors import ReidbenchError
from reidbench.records.failures import FailedRun, MethodFailure, write_failure
from reidbench.records.job import Job
from tests.reidbench.records.example import example

app = typer.Typer()
app.command()(compare)


def write_run(
    runs_dir: Path,
    method: str,
    score: float,
    *,
    dataset: str = "patterns",
    split: str = "aaaa",
    seed: int = 0,
    packages: dict[str, str] | None = None,
) -> None:
    data = example(
        method=method,
        dataset={"name": dataset, "digest": f"digest of {dataset}"},
        split={"digest": split},
        seed=seed,
        preset="quick",
        metrics={"test": {"overall": {"score": score}}},
        environment={"packages": packages or {}},
    )
    folder = runs_dir / dataset / method / data["id"]
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(data), encoding="utf-8")


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    write_run(tmp_path / "runs", "sift", 0.25)
    write_run(tmp_path / "runs", "color_histogram", 0.5, seed=0)
    write_run(tmp_path / "runs", "color_histogram", 0.25, seed=1)
    return tmp_path / "runs"


def call(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_is_one_document_of_ranked_rows(runs_dir):
    rows = json.loads(call("--runs", runs_dir, "--json"))
    assert [(row["rank"], row["method"], row["score"]) for row in rows] == [
        (1, "color_histogram", 0.375),
        (2, "sift", 0.25),
    ]
    assert rows[0]["seeds"] == [0, 1]


def test_the_json_shortcut_equals_the_format(runs_dir):
    assert call("--runs", runs_dir, "--json") == call("--runs", runs_dir, "--format", "json")


def test_a_table_is_the_default(runs_dir):
    text = call("--runs", runs_dir)
    assert "patterns · split aaaa" in text and "0.375" in text


def test_markdown_and_csv(runs_dir):
    assert "**0.375 ± 0.177**" in call("--runs", runs_dir, "--format", "markdown")
    rows = list(csv.DictReader(io.StringIO(call("--runs", runs_dir, "--format", "csv"))))
    assert [row["method"] for row in rows] == ["color_histogram", "sift"]


def test_an_output_file_leaves_stdout_empty(runs_dir, tmp_path):
    path = tmp_path / "new" / "board.md"
    assert call("--runs", runs_dir, "--format", "markdown", "--output", path) == ""
    assert path.read_text(encoding="utf-8").startswith("## patterns")


def test_a_table_in_a_file_has_no_escape_codes(runs_dir, tmp_path):
    call("--runs", runs_dir, "-o", tmp_path / "board.txt")
    text = (tmp_path / "board.txt").read_text(encoding="utf-8")
    assert "color_histogram" in text and "\x1b" not in text


def test_an_output_that_cannot_be_written_is_an_error(runs_dir, tmp_path):
    with pytest.raises(ReidbenchError, match="can't be written"):
        call("--runs", runs_dir, "--json", "--output", tmp_path)


def test_one_dataset_is_chosen(runs_dir):
    write_run(runs_dir, "sift", 0.75, dataset="turtles", split="tttt")
    assert len(json.loads(call("--runs", runs_dir, "--json"))) == 3
    rows = json.loads(call("--runs", runs_dir, "--dataset", "turtles", "--json"))
    assert [(row["dataset"], row["score"]) for row in rows] == [("turtles", 0.75)]


def test_an_empty_folder_says_what_to_run(tmp_path):
    with pytest.raises(ReidbenchError) as caught:
        call("--runs", tmp_path)
    assert caught.value.where == f"--runs {tmp_path}"
    assert "reidbench run" in caught.value.remedy


def test_different_splits_need_a_word(runs_dir):
    write_run(runs_dir, "sift", 0.75, split="bbbb")
    with pytest.raises(ReidbenchError, match="different splits"):
        call("--runs", runs_dir)
    mixed = json.loads(call("--runs", runs_dir, "--mixed-splits", "--json"))
    assert [(row["method"], row["score"]) for row in mixed] == [("sift", 0.5), ("color_histogram", 0.375)]
    chosen = json.loads(call("--runs", runs_dir, "--split-digest", "aaaa", "--json"))
    assert [row["method"] for row in chosen] == ["color_histogram", "sift"]


def test_an_unknown_format_is_a_usage_error(runs_dir):
    assert CliRunner().invoke(app, ["--runs", str(runs_dir), "--format", "xml"]).exit_code == 2


def test_html_is_a_page_of_the_table_that_sorts_and_filters(runs_dir):
    page = call("--runs", runs_dir, "--format", "html")
    assert page.startswith("<!doctype html>") and page.count("<script>") == 1
    assert 'aria-sort="ascending"' in page and 'class="filter"' in page and "0.375" in page
    assert "Results at every threshold" not in page


def test_html_shows_the_tables_below_the_leaderboard_too(runs_dir):
    assert "Over all datasets" not in call("--runs", runs_dir, "--format", "html")
    write_run(runs_dir, "sift", 0.75, dataset="turtles", split="tttt")
    write_run(runs_dir, "color_histogram", 0.25, dataset="turtles", split="tttt")
    page = call("--runs", runs_dir, "--format", "html", "--by-group")
    assert "Over all datasets" in page and '<th scope="col" class="number">rank on turtles</th>' in page
    # sift (.25 + .75) / 2; color_histogram (.375 + .25) / 2 = .3125, which is .1875 less.
    assert '<td class="number">0.500</td><td class="number"></td>' in page
    assert '<td class="number">0.312</td><td class="number">-0.188</td>' in page
    assert "turtles, by group" in page


def test_costs_are_asked_for_and_fit_a_narrow_terminal(runs_dir, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert "costs of a run" not in call("--runs", runs_dir)
    text = call("--runs", runs_dir, "--costs")
    table = text[text.index("patterns: costs of a run") :]
    assert max(map(len, table.splitlines())) <= 80
    line = next(line.split() for line in table.splitlines() if "sift" in line)
    assert line == ["sift", "cpu", "0.0", "1.0", "1.0", "2.0", "512"]
    assert "| sift | cpu | 0.0 | 1.0 | 1.0 | 2.0 | 512 |" in call("--runs", runs_dir, "--costs", "--format", "markdown")


def failed_run(runs_dir: Path, method: str = "hangs") -> None:
    job = Job(method, "patterns", split_seed=3, seed=1)
    failure = MethodFailure(f"{method} was stopped after 8 s", how="timeout", plugin=("stranger", "1.5"))
    write_failure(runs_dir, FailedRun.of(job, ("patterns", "digest of patterns"), failure, isolated=True))


def test_a_failed_run_is_shown_below_with_its_reason(runs_dir):
    failed_run(runs_dir)
    text = " ".join(call("--runs", runs_dir, "--format", "markdown").split())
    assert "| hangs | stranger 1.5 | patterns | 3, 1 | timeout | hangs was stopped after 8 s |" in text
    assert "hangs" in call("--runs", runs_dir) and "hangs was stopped" in call("--runs", runs_dir, "--format", "html")
    last = json.loads(call("--runs", runs_dir, "--json"))[-1]
    assert last["method"] == "hangs" and last["failed"] == "timeout" and last["rank"] is None
    assert last["score"] is None and last["baks"] is None and last["seeds"] == [1]
    rows = list(csv.DictReader(io.StringIO(call("--runs", runs_dir, "--format", "csv"))))
    assert rows[-1]["reason"] == "hangs was stopped after 8 s" and rows[0]["reason"] == ""


def test_where_all_runs_failed_that_is_what_is_shown(tmp_path):
    failed_run(tmp_path)
    assert "hangs was stopped after 8 s" in " ".join(call("--runs", tmp_path, "--format", "markdown").split())
    assert [row["method"] for row in json.loads(call("--runs", tmp_path, "--json"))] == ["hangs"]


TORN = [("{", "can't be read"), ("", "can't be read"), ("[]", "holds no JSON object"),
        ('{"schema": 99}', "has schema 99"), ('{"schema": 1}', "the field 'id' of a run record is missing"),
        (b"\xff\xfe\x00", "can't be read")]  # fmt: skip


def tear(runs_dir: Path, content: str | bytes, name: str = "torn") -> Path:
    folder = runs_dir / "patterns" / "sift" / name
    folder.mkdir()
    (folder / "run.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize(("content", "reason"), TORN)
def test_a_record_that_can_not_be_read_costs_its_own_row(runs_dir, content, reason):
    folder = tear(runs_dir, content)
    shown = "".join(call("--runs", runs_dir).split())
    assert "color_histogram" in shown and "sift" in shown  # the leaderboard is there
    assert "Left out: the record of a run can't be read".replace(" ", "") in shown
    for said in (str(folder), reason, "delete the folder" if "99" not in str(content) else "update reidbench"):
        assert said.replace(" ", "") in shown
    assert str(folder) in call("--runs", runs_dir, "--format", "markdown").replace("\\", "")


def test_a_failure_that_can_not_be_read_does_not_end_the_command(runs_dir):
    path = runs_dir / "patterns" / "sift" / "failed-0.json"
    path.write_text("{")
    shown = "".join(call("--runs", runs_dir).split())
    assert "color_histogram" in shown and str(path) in shown and "deletethefile" in shown


def test_rows_for_machines_hold_no_torn_record_and_stderr_names_it(runs_dir):
    before = call("--runs", runs_dir, "--json")
    folder = tear(runs_dir, "{")
    for written, read in (
        ("--json", json.loads),
        ("--format=csv", lambda text: list(csv.DictReader(io.StringIO(text)))),
    ):
        result = CliRunner().invoke(app, ["--runs", str(runs_dir), written], catch_exceptions=False)
        assert result.exit_code == 0 and len(read(result.stdout)) == len(json.loads(before))
        assert str(folder) in result.stderr and "delete the folder" in result.stderr


def test_a_folder_of_torn_records_alone_is_an_error(tmp_path):
    (tmp_path / "patterns" / "sift").mkdir(parents=True)
    first = tear(tmp_path, "", "a")
    tear(tmp_path, "{", "b")
    with pytest.raises(ReidbenchError, match="none of 2 runs can be read; the first") as caught:
        call("--runs", tmp_path)
    assert str(first) in caught.value.where and "delete the folder" in caught.value.remedy


def test_versions_in_which_the_runs_differ_are_named_below_the_table(tmp_path):
    common = {"torch": "2.4", "opencv-python": "4.10", "pandas": "2.2"}
    write_run(tmp_path, "sift", 0.25, packages={**common, "numpy": "2.1", "timm": "1.0"})
    write_run(tmp_path, "color_histogram", 0.5, packages={**common, "numpy": "1.26", "pandas": "2.3"})
    write_run(tmp_path, "color_histogram", 0.5, seed=1, packages={**common, "numpy": "2.1"})
    note = "The runs used different versions: numpy 1.26 (color_histogram), 2.1 (color_histogram, sift)."
    assert note in " ".join(call("--runs", tmp_path).split())
    assert note in call("--runs", tmp_path, "--format", "html")


def test_equal_versions_are_not_mentioned(runs_dir, tmp_path):
    write_run(tmp_path, "sift", 0.25, packages={"numpy": "2.1", "pandas": "2.2"})
    write_run(tmp_path, "color_histogram", 0.25, packages={"numpy": "2.1", "pandas": "2.3"})
    assert "different versions" not in call("--runs", tmp_path) + call("--runs", runs_dir)
