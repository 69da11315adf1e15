"""Each option of ``run`` and ``tune`` has an effect: another value changes the result or is refused."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.experiments import grid_search
from reidbench.experiments.settings_file import SettingsFile

SMALL = "patterns:identities=12,size=64,level=easy"
OTHER = "patterns:identities=13,size=64,level=easy"

RUN_CASES = {
    "--method": ["--method", "color_histogram", "--method", "no_such_method"],
    "--dataset": ["--dataset", OTHER],
    "--root": ["--root", "."],
    "--unknown": ["--unknown", "a word that no cell has"],
    "--name": ["--name", "a word that no cell has"],
    "--columns": ["--columns", "identity=Animal"],
    "--bbox": ["--bbox", "xyxy"],
    "--folders": ["--folders", "identity"],
    "--plugin": ["--plugin", "no_such_file.py"],
    "--benchmark": ["--benchmark", "no_such_file.toml"],
    "--from": ["--from", "no_such_run"],
    "--split": ["--split", "no_such_file.csv"],
    "--split-kind": ["--split-kind", "closed-set"],
    "--protocol": ["--protocol", "random"],
    "--split-seed": ["--split-seed", "1"],
    "--new-share": ["--new-share", "0.5"],
    "--encounter-minutes": ["--encounter-minutes", "5"],
    "--seed": ["--seed", "1"],
    "--gallery": ["--gallery", "all"],
    "--query": ["--query", "encounter"],
    "--match-sides": ["--match-sides", "same"],
    "--preset": ["--preset", "quick"],
    "--set": ["--set", "hue_bins=5"],
    "--settings": ["--settings", "settings.json"],
    "--threshold": ["--threshold", "max-score"],
    "--device": ["--device", "cuda:9"],
    "--runs": ["--runs", "elsewhere"],
    "--download": ["--download"],
    "--yes": ["--yes"],
    "--again": ["--again"],
    "--isolate": ["--isolate"],
    "--python": ["--python", "/no/such/python"],
    "--timeout": ["--timeout", "0.001"],
    "--memory": ["--memory", "64MiB"],
    "--memory-limit": ["--memory-limit", "0.001"],
    "--json": ["--json"],
}
TUNE_CASES = {
    "--method": ["--method", "sift"],
    "--dataset": ["--dataset", OTHER],
    "--root": ["--root", "folder"],
    "--unknown": ["--unknown", "word"],
    "--name": ["--name", "word"],
    "--columns": ["--columns", "identity=Animal"],
    "--bbox": ["--bbox", "xyxy"],
    "--folders": ["--folders", "identity"],
    "--encounter-minutes": ["--encounter-minutes", "5"],
    "--plugin": ["--plugin", "file.py"],
    "--split-seed": ["--split-seed", "1"],
    "--seed": ["--seed", "1"],
    "--preset": ["--preset", "quick"],
    "--set": ["--set", "epochs=1"],
    "--device": ["--device", "cpu"],
    "--memory": ["--memory", "64MiB"],
    "--runs": ["--runs", "elsewhere"],
    "--output": ["--output", "other.json"],
    "--json": ["--json"],
}


def options_of(command):
    found = get_command(app).get_command(None, command)
    names = [max(param.opts, key=len) for param in found.params if param.param_type_name == "option"]
    return sorted(name for name in names if name != "--help")


@pytest.mark.parametrize(("command", "cases"), [("run", RUN_CASES), ("tune", TUNE_CASES)])
def test_every_option_has_a_case(command, cases):
    assert options_of(command) == sorted(cases)


def call(*args):
    """Return the output, the exit code and the error of a command."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200"})
    error = str(result.exception) if isinstance(result.exception, ReidbenchError) else ""
    assert error or result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.stdout, result.exit_code, error


def contents(folder):
    """Return each run folder with the file number of its record, which changes if it is written again."""
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("run.json")}


@pytest.fixture(scope="module")
def base_run(tmp_path_factory):
    """The folder in which the plain command was run, and its output."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        outcome = call("run", "--method", "color_histogram", "--dataset", SMALL)
    assert outcome[1] == 0
    return folder, outcome


@pytest.fixture
def after_base_run(base_run, tmp_path, monkeypatch):
    """Change to a copy of the folder of the plain run, and return its output and its records."""
    shutil.copytree(base_run[0] / "runs", tmp_path / "runs", copy_function=shutil.copy2)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.json").write_text('{"hue_bins": 5}')
    return base_run[1], contents(tmp_path)


@pytest.mark.parametrize("option", sorted(set(RUN_CASES) - {"--isolate", "--unknown", "--name", "--memory"}))
def test_each_option_of_run_changes_the_result_or_is_refused(option, after_base_run, tmp_path):
    base = ["--method", "color_histogram"] if option != "--method" else []
    base += ["--dataset", SMALL] if option != "--dataset" else []
    outcome = call("run", *base, *RUN_CASES[option])
    assert (outcome, contents(tmp_path)) != after_base_run


@pytest.mark.parametrize("option", ["--unknown", "--name"])
def test_a_word_that_no_row_has_is_reported(option, after_base_run):
    args = ["run", "--method", "color_histogram", "--dataset", SMALL, *RUN_CASES[option]]
    assert f"{option} 'a word that no cell has': no row has this identity" in CliRunner().invoke(app, args).stderr


def test_isolate_makes_the_run_in_another_process(after_base_run, monkeypatch):
    started = []
    monkeypatch.setattr(
        "reidbench.experiments.jobs.run_isolated", lambda job, *_, **__: started.append(job.method) or 1 / 0
    )
    call_args = ["run", "--method", "color_histogram", "--dataset", SMALL, "--isolate"]
    CliRunner().invoke(app, call_args)
    assert started == ["color_histogram"]


@pytest.mark.parametrize("option", sorted(set(TUNE_CASES) - {"--memory"}))
def test_each_option_of_tune_changes_the_search_or_its_output(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    searches = []

    def search(*args, **options):
        searches.append((args, options))
        return [grid_search.GridCell({"size": 1}, 0.5, 0.5, 1.0, "run", SettingsFile({"size": 1}))]

    monkeypatch.setattr(grid_search, "tune_method", search)
    base = ["--method", "triplet_effnet"]
    plain = (call("tune", *base), searches.pop())
    other = (call("tune", *(base if option != "--method" else []), *TUNE_CASES[option]), searches.pop())
    assert plain != other


NO_RUN = {
    "--device",
    "--root",
    "--runs",
    "--plugin",
    "--json",
    "--dataset",
    "--from",
    "--unknown",
    "--name",
    "--memory",
}
NO_FILE = {
    "--benchmark", "--device", "--runs", "--plugin", "--json", "--again", "--isolate", "--python", "--timeout",
    "--memory", "--memory-limit", "--unknown", "--name",
}  # fmt: skip


@pytest.mark.parametrize("option", sorted(set(RUN_CASES) - NO_RUN - {"--gallery"}))
def test_from_refuses_each_option_that_it_would_ignore(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = call("run", "--from", "some_run", *RUN_CASES[option])[2]
    assert f"{option} has no effect with --from: a run is repeated with its own method" in error


@pytest.mark.parametrize(
    "option", sorted(set(RUN_CASES) - NO_FILE - {"--from", "--root", "--yes", "--encounter-minutes"})
)
def test_benchmark_refuses_each_option_that_it_would_ignore(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = call("run", "--benchmark", "some.toml", *RUN_CASES[option])[2]
    assert f"{option} has no effect with --benchmark: the file names" in error


def test_a_benchmark_obeys_the_device(tmp_path, monkeypatch):
    jobs = []
    monkeypatch.setattr("reidbench.experiments.jobs.run_jobs", lambda made, **_: jobs.extend(made) or ([], []))
    (tmp_path / "b.toml").write_text(f'[dataset]\nname = "{SMALL}"\n[[method]]\nname = "color_histogram"\n')
    call("run", "--benchmark", tmp_path / "b.toml", "--device", "cpu")
    assert [job.device for job in jobs] == ["cpu"]


def test_two_datasets_are_both_run(tmp_path):
    args = ["--method", "color_histogram", "--dataset", SMALL, "--dataset", OTHER, "--runs", tmp_path, "--json"]
    output, code, _ = call("run", *args)
    digests = [record["dataset"]["digest"] for record in json.loads(output)]
    assert code == 0 and len(digests) == 2 and len(set(digests)) == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--root", "a", "--root", "b", "--root", "c"], "3 folders were given for 2 datasets"),
        (["--split", "s.csv"], "a split file is of one dataset"),
        (["--dataset", SMALL], "the dataset was given twice"),
    ],
)
def test_two_datasets_that_do_not_fit_the_other_options_are_refused(args, message):
    assert message in call("run", "--method", "color_histogram", "--dataset", SMALL, "--dataset", OTHER, *args)[2]


@pytest.mark.parametrize("other", [["--split-seed", "1"], ["--split-kind", "closed-set"], ["--new-share", "0.5"]])
def test_a_split_file_refuses_the_options_of_a_split_to_make(other):
    error = call("run", "--method", "color_histogram", "--split", "s.csv", *other)[2]
    assert f"{other[0]} has no effect with --split" in error


def test_a_preset_that_no_method_of_the_command_has_is_refused():
    base = ["run", "--dataset", SMALL]
    assert "color_histogram has no presets" in call(*base, "--method", "color_histogram", "--preset", "quick")[2]


def test_a_preset_reaches_the_methods_that_have_presets_and_the_others_are_named(monkeypatch, tmp_path):
    jobs = []
    monkeypatch.setattr("reidbench.experiments.jobs._check_names", lambda job, *_: jobs.append(job))
    monkeypatch.setattr("reidbench.experiments.jobs.load_dataset", lambda *_, **__: 1 / 0)
    methods = ["--method", "color_histogram", "--method", "triplet_effnet"]
    result = CliRunner().invoke(app, ["run", *methods, "--preset", "quick", "--runs", str(tmp_path)])
    assert [job.preset for job in jobs] == [None, "quick"]
    assert "--preset quick is not for color_histogram, which has no presets" in result.stderr


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (["tune", "--method", "triplet_effnet", "--dataset", "a", "--dataset", "b"], "--dataset"),
        (["run", "--method", "sift", "--threshold", "mad", "--threshold", "mixture"], "--threshold"),
        (["compare", "--runs", "a", "--runs", "b"], "--runs"),
        (["curve", "carried", "--runs", "a", "--runs", "b"], "--runs"),
    ],
)
def test_an_option_with_one_value_is_refused_if_given_twice(args, option):
    assert f"{option} was given more than once" in call(*args)[2]


def test_a_number_without_a_unit_limits_the_process_as_before_and_the_new_name_is_given(monkeypatch):
    limits = []
    monkeypatch.setattr(
        "reidbench.experiments.jobs.run_jobs", lambda _, isolation, **__: limits.append(isolation) or ([], [])
    )
    result = CliRunner().invoke(app, ["run", "--method", "color_histogram", "--memory", "8"])
    assert limits[0].memory_gib == 8 and "--memory-limit 8" in result.stderr
    call("run", "--method", "color_histogram", "--memory-limit", "8")
    assert limits[1] == limits[0]
    call("run", "--method", "color_histogram", "--memory", "8GiB")
    assert limits[2] is None


@pytest.mark.parametrize("other", [["--memory-limit", "4"], ["--from", "some_run"]])
def test_a_number_without_a_unit_is_refused_with_an_option_that_it_contradicts(other):
    error = call("run", "--method", "color_histogram", "--memory", "8", *other)[2]
    assert f"--memory 8 {other[0]}" in error and "write --memory 8GiB" in error
