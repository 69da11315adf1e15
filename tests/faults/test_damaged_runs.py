"""A damaged or edited run is left out and named with its reason; the other runs are shown."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import reidbench
from reidbench.cli.main import main
from reidbench.progress import Progress
from reidbench.records.failures import FailedRun, MethodFailure, write_failure
from reidbench.records.finding import find_run
from reidbench.records.job import Job
from reidbench.records.saved_run import read_saved_run
from reidbench.running.evaluation import evaluate
from tests.reidbench.records.example import as_before_digests, merged


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with two sound runs of one dataset."""
    runs = tmp_path_factory.mktemp("made")
    images = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    for bins in (4, 8):
        evaluate(
            "color_histogram", images, runs_dir=runs, settings={"hue_bins": bins}, progress=Progress(), device="cpu"
        )
    return runs


@pytest.fixture
def runs(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "runs"))


def call(monkeypatch, capsys, *arguments):
    """Run the command line in this process; return exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["reidbench", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "600")
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def folders(runs):
    return sorted(path.parent for path in runs.glob("*/*/*/run.json"))


def edited(folder, changes):
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(merged(data, changes)))


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


def saved_arrays(folder):
    """Return the arrays of a run as bytes; nothing if they can't be read."""
    try:
        with zipfile.ZipFile(folder / "scores.npz") as file:
            return {name: file.read(name) for name in file.namelist()}
    except Exception:
        return {}


def drop_row(folder):
    lines = (folder / "predictions.csv").read_text().splitlines(keepends=True)
    (folder / "predictions.csv").write_text("".join(lines[:-1]))


def change_prediction(folder):
    text = (folder / "predictions.csv").read_text()
    first = text.splitlines()[1]
    cells = first.split(",")
    (folder / "predictions.csv").write_text(text.replace(first, ",".join([cells[0], "new_individual", *cells[2:]]), 1))


def rewrite_scores(folder, change):
    with np.load(folder / "scores.npz") as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)
    np.savez_compressed(folder / "scores.npz", **arrays)


FILE_EDITS = {
    "a byte early in the scores": lambda folder: flip(folder / "scores.npz", 0.1),
    "a byte in the middle of the scores": lambda folder: flip(folder / "scores.npz", 0.5),
    "a byte late in the scores": lambda folder: flip(folder / "scores.npz", 0.95),
    "zero bytes in the scores": lambda folder: (folder / "scores.npz").write_bytes(bytes(4096)),
    "empty scores": lambda folder: (folder / "scores.npz").write_bytes(b""),
    "scores cut short": lambda folder: (folder / "scores.npz").write_bytes((folder / "scores.npz").read_bytes()[:900]),
    "a row of predictions less": drop_row,
    "predictions that are not UTF-8": lambda folder: (folder / "predictions.csv").write_bytes(b"\xff\xfe\x00"),
    "empty predictions": lambda folder: (folder / "predictions.csv").write_bytes(b""),
    "fewer scores than queries": lambda folder: rewrite_scores(
        folder, lambda arrays: arrays.update({"test.scores": arrays["test.scores"][1:]})
    ),
    "scores that are text": lambda folder: rewrite_scores(
        folder, lambda arrays: arrays.update({"test.scores": arrays["test.scores"].astype(str)})
    ),
    "another run's scores": lambda folder: rewrite_scores(
        folder, lambda arrays: arrays.update({"test.image_id": arrays["test.image_id"].astype("U80")[::-1] + "x"})
    ),
}
DIGESTS_ONLY = {
    "another prediction": change_prediction,
    "another split": lambda folder: (folder / "split.csv").write_text("image_id,part\n"),
    "a byte at the end of the scores": lambda folder: flip(folder / "scores.npz", 1.0),
}
RECORD_EDITS = {
    "nothing": lambda folder: (folder / "run.json").write_text(""),
    "cut short": lambda folder: (folder / "run.json").write_text((folder / "run.json").read_text()[:500]),
    "not UTF-8": lambda folder: (folder / "run.json").write_bytes(b"\xff\xfe{"),
    "a list": lambda folder: (folder / "run.json").write_text("[]"),
    "text": lambda folder: (folder / "run.json").write_text('"run"'),
    "nested 5,000 deep": lambda folder: (folder / "run.json").write_text('{"a":' * 5000 + "1" + "}" * 5000),
    "no schema": lambda folder: edited(folder, {"schema": None}),
    "a schema of true": lambda folder: edited(folder, {"schema": True}),
    "a newer schema": lambda folder: edited(folder, {"schema": 99}),
    "a path as id": lambda folder: edited(folder, {"id": "../../../victim"}),
    "another id": lambda folder: edited(folder, {"id": "0123456789abcdef"}),
    "an id that is a number": lambda folder: edited(folder, {"id": 7}),
    "another method": lambda folder: edited(folder, {"method": "\x1b]0;sift\x07"}),
    "another seed": lambda folder: edited(folder, {"seed": 3}),
    "a seed that is text": lambda folder: edited(folder, {"seed": "one"}),
    "other settings": lambda folder: edited(folder, {"settings": {"effective": {"hue_bins": 3}}}),
    "settings that are a list": lambda folder: edited(folder, {"settings": {"effective": []}}),
    "another dataset": lambda folder: edited(folder, {"dataset": {"digest": "0"}}),
    "a name that is a number": lambda folder: edited(folder, {"dataset": {"name": 3}}),
    "another gallery": lambda folder: edited(folder, {"gallery": "all"}),
    "a gallery that does not exist": lambda folder: edited(folder, {"gallery": "some"}),
    "another policy": lambda folder: edited(folder, {"threshold": {"asked": "mad=1"}}),
    "a threshold that is text": lambda folder: edited(folder, {"threshold": {"value": "high"}}),
    "thresholds that are a list": lambda folder: edited(folder, {"threshold": {"values": [1]}}),
    "a score that is text": lambda folder: edited(folder, {"metrics": {"test": {"overall": {"score": "1.0"}}}}),
    "a score that is a list": lambda folder: edited(folder, {"metrics": {"test": {"overall": {"score": [1]}}}}),
    "a score above 1": lambda folder: edited(folder, {"metrics": {"test": {"overall": {"score": 1e308}}}}),
    "no metrics": lambda folder: edited(folder, {"metrics": {}}) or edited(folder, {"metrics": None}),
    "reasons that are text": lambda folder: edited(folder, {"metrics": {"test": {"overall": {"reasons": "none"}}}}),
    "a time that is text": lambda folder: edited(folder, {"timing": {"total_s": "long"}}),
    "blindness that does not exist": lambda folder: edited(folder, {"blindness": {"status": "sure"}}),
    "digests that are numbers": lambda folder: edited(folder, {"files": {"scores.npz": 1}}),
    "digests of other files": lambda folder: edited(folder, {"files": {"scores.npz": "0" * 64}}),
}


def _is_left_out_and_named(runs, damaged, sound, monkeypatch, capsys, tmp_path):
    for options in (["--json"], ["--intervals"]):
        code, out, err = call(monkeypatch, capsys, "compare", "--runs", runs, *options)
        assert code == 0, (out, err)
        assert damaged.name in "".join(out.split()) + err, "the run is not named"
        assert "Traceback" not in out + err and "\x1b" not in out + err
        assert "--json" not in options or [row["n_runs"] for row in json.loads(out)] == [1]
    code, _, err = call(monkeypatch, capsys, "report", "--runs", runs, "--no-images", "-o", tmp_path / "page.html")
    assert code == 0, err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert damaged.name in page and sound.name in page and "1 run on 1 dataset." in page
    code, _, err = call(monkeypatch, capsys, "rethreshold", damaged, "--runs", runs, "--threshold", "max-score")
    assert code in (0, 1) and "Traceback" not in err, err


@pytest.mark.parametrize("edit", {**FILE_EDITS, **DIGESTS_ONLY})
def test_a_run_with_a_changed_file_is_left_out(runs, edit, monkeypatch, capsys, tmp_path):
    damaged, sound = folders(runs)
    {**FILE_EDITS, **DIGESTS_ONLY}[edit](damaged)
    _is_left_out_and_named(runs, damaged, sound, monkeypatch, capsys, tmp_path)


@pytest.mark.parametrize("edit", FILE_EDITS)
def test_a_run_of_an_earlier_version_with_a_damaged_file_is_left_out(runs, edit, monkeypatch, capsys, tmp_path):
    damaged, sound = folders(runs)
    before = saved_arrays(damaged)
    as_before_digests(damaged)
    FILE_EDITS[edit](damaged)
    if "a byte" in edit and saved_arrays(damaged) == before:
        return  # the byte is one that no reader uses, such as the date of an array
    _is_left_out_and_named(runs, damaged, sound, monkeypatch, capsys, tmp_path)


@pytest.mark.parametrize("edit", RECORD_EDITS)
def test_a_run_with_a_wrong_record_is_left_out(runs, edit, monkeypatch, capsys, tmp_path):
    damaged, sound = folders(runs)
    RECORD_EDITS[edit](damaged)
    _is_left_out_and_named(runs, damaged, sound, monkeypatch, capsys, tmp_path)


def test_a_run_of_an_earlier_version_is_no_error(runs, monkeypatch, capsys):
    for folder in folders(runs):
        as_before_digests(folder)
    code, out, err = call(monkeypatch, capsys, "compare", "--runs", runs, "--json")
    assert code == 0 and err == "" and len(json.loads(out)) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 1}', "\udcff", '{"a":' * 5000 + "1" + "}" * 5000])
def test_a_torn_record_of_a_failure_is_named_and_left_out(runs, text, monkeypatch, capsys, tmp_path):
    job = Job("hangs", "patterns")
    path = write_failure(runs, FailedRun.of(job, ("patterns", "d"), MethodFailure("no", how="crash"), isolated=False))
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    code, out, err = call(monkeypatch, capsys, "compare", "--runs", runs)
    assert code == 0 and path.name in "".join(out.split()) + err
    code, _, err = call(monkeypatch, capsys, "report", "--runs", runs, "--no-images", "-o", tmp_path / "page.html")
    assert code == 0 and path.name in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("stop_at", ["scores.npz", "predictions.csv", "split.csv", "run.json"])
def test_a_repetition_killed_between_two_files_leaves_no_run_with_mixed_files(runs, stop_at, monkeypatch):
    first, second = folders(runs)
    record, other = find_run(first), read_saved_run(find_run(second))
    assert other.record.id != record.id
    rename = Path.replace

    def killed(self, target):
        if Path(target) == first / stop_at:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    images = reidbench.load_dataset("patterns:identities=12,size=64,level=easy")
    options = {"runs_dir": runs, "settings": record.data.settings.given, "progress": Progress(), "device": "cpu"}
    with pytest.raises(KeyboardInterrupt):
        evaluate("color_histogram", images, again=True, **options)
    assert not (first / "run.json").exists()
    monkeypatch.setattr(Path, "replace", rename)
    again = evaluate("color_histogram", images, **options)
    assert (again.id, again.metrics) == (record.id, record.metrics)
    assert sorted(path.name for path in first.iterdir()) == ["predictions.csv", "run.json", "scores.npz", "split.csv"]
