"""Run folders: complete or absent, nan as null, errors with a place and a remedy."""

import json

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.records.finding import load_runs
from reidbench.records.run_data import RunData
from reidbench.records.run_record import RunFiles, check_writable, plain_name, read_run, run_dir, write_run
from tests.reidbench.records.example import example

FILES = RunFiles([("a", "gallery")], [], {"x": np.arange(3)})
RECORD = RunData.from_json(example())


def test_a_written_run_is_read_back(tmp_path):
    path = run_dir(tmp_path, "zebra/stripes: 2", "sift", "abc")
    nan = float("nan")
    overall = {"score": nan, "baks": 0.5, "baus": 0.25, "reasons": {"score": "no unknown query"}}
    written = RunData.from_json(example(threshold={"value": nan}, metrics={"test": {"overall": overall}}, more=[nan]))
    assert write_run(path, written, FILES).metrics["score"] is None
    (record,) = load_runs(tmp_path)
    assert record.method == "sift" and record.metrics == {**overall, "score": None}
    assert record.data.threshold.value is None and record.data.to_json()["more"] == [None]
    assert "NaN" not in (path / "run.json").read_text()
    assert (path / "split.csv").read_text() == "image_id,part\na,gallery\n"
    assert np.load(path / "scores.npz")["x"].tolist() == [0, 1, 2]
    assert not [p for p in path.iterdir() if p.name.startswith(".")]


def test_a_folder_without_its_record_is_no_run(tmp_path):
    path = tmp_path / "d" / "m" / "id"
    path.mkdir(parents=True)
    (path / "predictions.csv").write_text("image_id\n")
    assert load_runs(tmp_path) == [] and read_run(path) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 99}', '{"schema": 1}', json.dumps({**example(), "split": 3})])
def test_a_record_that_cannot_be_used_says_which(tmp_path, text):
    path = tmp_path / "d" / "m" / "id"
    path.mkdir(parents=True)
    (path / "run.json").write_text(text)
    with pytest.raises(ReidbenchError) as caught:
        load_runs(tmp_path)
    assert "run.json" in caught.value.where and caught.value.remedy


def test_a_runs_folder_that_cannot_be_made_is_named_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReidbenchError, match="can't be written"):
        check_writable(tmp_path / "file" / "runs")


def test_a_full_disk_is_one_message_and_the_earlier_run_stays(tmp_path, full_disk):
    path = run_dir(tmp_path, "zebra", "sift", "abc")
    write_run(path, RECORD, FILES)
    before = {each.name: each.read_bytes() for each in path.iterdir()}
    more = RunFiles(FILES.split_rows, [], {"x": np.random.default_rng(0).random(10_000)})
    with full_disk(10_000), pytest.raises(ReidbenchError, match="the run can't be written: File too large") as caught:
        write_run(path, RECORD.model_copy(update={"method": "other"}), more)
    assert caught.value.where == str(path) and "--runs DIR" in caught.value.remedy
    assert {each.name: each.read_bytes() for each in path.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "folder"), [("..", "_"), (".", "_"), ("", "_"), ("../../victim", ".._.._victim"), ("a/b\n", "a_b")]
)
def test_no_name_leads_out_of_the_folder_of_runs(name, folder):
    assert plain_name(name) == folder


def test_a_name_that_is_too_long_for_a_file_system_is_cut_and_stays_distinct():
    long = [plain_name("lynx " * 100 + last) for last in "ab"]
    assert [len(name) for name in long] == [200, 200] and long[0] != long[1]
    assert plain_name("x" * 200) == "x" * 200
