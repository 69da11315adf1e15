"""Each option of each command has an effect: another value changes the output or a file, or it is refused.

``COMMANDS`` has the plain arguments of each command, and one line for each option. A new option without a line fails.
Every command runs in a folder with a saved run (``RUN``), its photographs (``photos``) and its predictions.
"""

from __future__ import annotations

import json
import re
import shutil

import pandas as pd
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.running.evaluation import evaluate
from tests.reidbench.cli.commands.test_run_options import RUN_CASES, TUNE_CASES
from tests.reidbench.networks.tiny_onnx import brightness_network

SMALL = "patterns:identities=12,size=64,level=easy"
OTHER = "patterns:identities=13,size=64,level=easy"
TWO = ["--dataset", SMALL, "--method", "color_histogram", "--set", "hue_bins=5", "--device", "cpu"]
GPU = ["--device", "cuda:9"]
MEMORY = ["--memory", "a lot"]
READING = {
    "--root": ["--root", "no_such_folder"],
    "--unknown": ["--unknown", "no such word"],
    "--name": ["--name", "no such word"],
    "--columns": ["--columns", "identity=Animal"],
    "--bbox": ["--bbox", "no_such_form"],
}
FOLDERS = {"--folders": ["--folders", "identity"]}
NO_RUNS = {"--runs": ["--runs", "elsewhere"]}
NO_PLUGIN = {"--plugin": ["--plugin", "no_such_file.py"]}
JSON = {"--json": ["--json"]}

COMMANDS: dict[str, tuple[list[str], dict[str, list[str]]]] = {
    "compare": ([], {
        "--dataset": ["--dataset", OTHER],
        "--split-digest": ["--split-digest", "0000"],
        "--gallery": ["--gallery", "all"],
        "--format": ["--format", "csv"],
        "--output": ["--output", "board.txt"],
        "--against": ["--against", "no_such_method"],
        "--by-group": ["--by-group"],
        "--intervals": ["--intervals"],
        "--variance": ["--variance"],
        "--costs": ["--costs"],
        "--safe-csv": ["--safe-csv"],
        **NO_RUNS, **JSON,
    }),
    "report": ([], {
        "--output": ["--output", "other.html"],
        "--dataset": ["--dataset", OTHER],
        "--split-digest": ["--split-digest", "0000"],
        "--gallery": ["--gallery", "all"],
        "--images": ["--images", "photos"],
        "--root": ["--root", "photos"],
        "--no-images": ["--no-images"],
        "--unknown-rate": ["--unknown-rate", "0.5"],
        "--cost": ["--cost", "false_new=3"],
        "--errors": ["--errors", "0"],
        "--title": ["--title", "Another page"],
        "--memory": MEMORY,
        **NO_RUNS, **NO_PLUGIN,
    }),
    "rethreshold": (["RUN", "--threshold", "max-score"], {
        "--threshold": ["--threshold", "mad"],
        "--redraw": ["--redraw"],
        **NO_RUNS, **NO_PLUGIN, **JSON,
    }),
    "curve gallery-size": (["RUN"], {"--draws": ["--draws", "3"], **NO_RUNS, **JSON}),
    "curve images-per-identity": (["RUN", "--draws", "1", "--keep", "2"], {
        "--dataset": ["--dataset", OTHER],
        "--root": ["--root", "no_such_folder"],
        "--keep": ["--keep", "1"],
        "--draws": ["--draws", "2"],
        "--device": GPU,
        "--memory": MEMORY,
        **NO_PLUGIN,
            **NO_RUNS, **JSON,
    }),
    "curve carried": ([], {**NO_RUNS, **JSON}),
    "identify": (["photos", "--run", "RUN", "--group", "turtle"], {
        "--run": ["--run", "no_such_run"],
        "--dataset": ["--dataset", OTHER],
        "--group": ["--group", "salamander"],
        "--enrolled": ["--enrolled", "no_such_file.csv"],
        "--whole": ["--whole"],
        "--output": ["--output", "other.csv"],
        "--page": ["--page", "page.html"],
        "--error": ["--error", "0.4"],
        "--by": ["--by", "encounter:mean"],
        "--encounter-minutes": ["--encounter-minutes", "5"],
        "--enroll": ["--enroll", "no_such_file.json"],
        "--same": ["--same", "a=b"],
        "--new": ["--new", "a"],
        "--device": GPU,
        "--memory": MEMORY,
        **READING, **NO_RUNS, **NO_PLUGIN, **JSON,
    }),
    "score": (["predictions.csv", "--truth", "truth.csv"], {
        "--truth": ["--truth", "other_truth.csv"],
        "--empty-side": ["--empty-side", "zero"],
        "--task": ["--task", "clustering"],
        "--unknown": ["--unknown", "a"],
        "--name": ["--name", "no such word"],
        **JSON,
    }),
    "audit": (["dataset.csv"], {
        "--split": ["--split", "no_such_file.csv"],
        "--split-kind": ["--split-kind", "closed-set"],
        "--split-seed": ["--split-seed", "1"],
        "--no-split": ["--no-split"],
        "--runs": ["--runs", "runs"],
        "--output": ["--output", "page.html"],
        "--repair": ["--repair", "repaired.csv"],
        "--alike": ["--alike", "0.8"],
        "--encounter-minutes": ["--encounter-minutes", "5"],
        "--embedding": ["--embedding", "no_such_run"],
        "--background": ["--background"],
        "--method": ["--method", "sift"],
        "--memory": MEMORY,
        **NO_PLUGIN,
            **READING, **FOLDERS, **JSON,
    }),
    "split": (["dataset.csv", "--output", "split.csv"], {
        "--output": ["--output", "other.csv"],
        "--split-kind": ["--split-kind", "closed-set"],
        "--split-seed": ["--split-seed", "1"],
        "--new-share": ["--new-share", "0.5"],
        "--encounter-minutes": ["--encounter-minutes", "5"],
        **READING, **FOLDERS, **NO_PLUGIN,
    }),
    "datasets": ([SMALL], {"--open": ["--open", "sheet.jpg"], **READING, **FOLDERS, **NO_PLUGIN}),
    "masks": ([SMALL, "-o", "masks", "--model", "network.onnx"], {
        "--output": ["--output", "other_masks"],
        "--model": ["--model", "another_file.onnx"],
        **READING, **FOLDERS, **NO_PLUGIN,
    }),
    "methods": ([], {**NO_PLUGIN, **JSON}),
    "weights": (["triplet_effnet"], {"--online": ["--online"], **NO_PLUGIN, **JSON}),
    "census": (["RUN"], {
        "--photographs": ["--photographs", "no_such_file.csv"],
        "--target": ["--target", "0.9"],
        "--candidates": ["--candidates", "2"],
        "--curve": ["--curve", "curve.csv"],
        **NO_PLUGIN,
            **NO_RUNS, **JSON,
    }),
    "cluster": (["RUN"], {
        "--dataset": ["--dataset", OTHER],
        "--root": ["--root", "no_such_folder"],
        "--output": ["--output", "clusters.csv"],
        "--device": GPU,
        "--safe-csv": ["--safe-csv"],
        "--memory": MEMORY,
        **NO_RUNS, **NO_PLUGIN, **JSON,
    }),
    "submit": (["RUN"], {
        "--root": ["--root", "photos"],
        "--output": ["--output", "other.csv"],
        "--device": ["--device", "cpu"],
        "--memory": MEMORY,
        **NO_RUNS, **NO_PLUGIN,
    }),
    "runs ls": ([], {"--dataset": ["--dataset", OTHER], "--method": ["--method", "sift"], **NO_RUNS, **JSON}),
    "runs show": (["RUN"], {**NO_RUNS, **JSON}),
    "runs rm": (["RUN"], {"--failed": ["--failed"], "--yes": ["--yes"], **NO_RUNS}),
    "plugin new": (["fur_pattern"], {
        "--kind": ["--kind", "pair"],
        "--output": ["--output", "folder"],
        "--licence": ["--licence", "Apache-2.0"],
    }),
    "plugin check": (["color_histogram", "--only", "memory"], {
        "--set": ["--set", "hue_bins=5"],
        "--settings": ["--settings", "settings.json"],
        "--preset": ["--preset", "quick"],
        "--only": ["--only", "source"],
        "--list": ["--list"],
        **NO_PLUGIN, **JSON,
    }),
}  # fmt: skip
"""The plain arguments of each command, and further arguments for each of its options."""
ELSEWHERE = {
    "run": RUN_CASES,
    "tune": TUNE_CASES,
    "cache path": [],
    "cache ls": ["--json"],
    "cache verify": ["--json"],
    "cache prune": ["--method", "--unused", "--max-size", "--runs", "--yes"],
}
"""Commands with their options that ``commands/test_run_options.py`` and ``commands/test_cache.py`` try."""
OF_TWO_SPLITS = ("compare", "report", "curve carried")
BELOW = {
    "score": ["--allow-unmatched"],
    "audit": ["--burst"],
    "plugin check": ["--memory"],
    **{command: ["--mixed-splits"] for command in OF_TWO_SPLITS},
}
"""Options that need other files, with a test below; ``auditing/test_bursts.py`` tries ``--burst`` on EXIF times."""


def commands_of(group, ctx=None, prefix=""):
    """Return each command below a group by its full name."""
    found = {}
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        inner = hasattr(command, "list_commands")
        found |= commands_of(command, ctx, f"{prefix}{name} ") if inner else {f"{prefix}{name}": command}
    return found


def test_every_option_of_every_command_has_a_case():
    options = {
        name: sorted(max(param.opts, key=len) for param in command.params if param.param_type_name == "option")
        for name, command in commands_of(get_command(app)).items()
    }
    options = {name: [option for option in names if option != "--help"] for name, names in options.items()}
    cases = {name: sorted([*cases, *BELOW.get(name, ())]) for name, (_, cases) in COMMANDS.items()}
    assert options == cases | {name: sorted(each) for name, each in ELSEWHERE.items()}


def time_of(row):
    """Return the time of an animal's photograph: four a day, in pairs of 30 seconds that are 20 minutes apart."""
    day, place = divmod(int(row), 4)
    return f"2024-01-{day + 1:02}T10:{20 * (place // 2):02}:{30 * (place % 2):02}"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a folder with a saved run, four of its photographs, predictions and truths, and the id of the run."""
    folder = tmp_path_factory.mktemp("saved")
    images = reidbench.load_dataset(SMALL)
    record = evaluate("color_histogram", images, runs_dir=folder / "runs", progress=Progress(), device="cpu")
    (folder / "photos").mkdir()
    for row in range(4):
        shutil.copy(images.image_path(row), folder / "photos")
    (folder / "predictions.csv").write_text("image_id,identity\n1,a\n2,b\n3,new_individual\n4,new_individual\n")
    (folder / "truth.csv").write_text("image_id,identity,is_new,group\n1,a,0,L\n2,b,0,L\n3,c,0,S\n4,d,0,S\n")
    dated = images.table.assign(date=[time_of(row) for row in images.table.groupby("identity").cumcount()])
    dated["path"] = [images.image_path(row) for row in range(len(images))]
    dated[["image_id", "identity", "path", "group", "date"]].to_csv(folder / "dataset.csv", index=False)
    (folder / "network.onnx").write_bytes(brightness_network())
    (folder / "settings.json").write_text('{"hue_bins": 5}')
    return folder, record.id


class Recorded:
    """Stands for a submission, which needs the photographs of a competition; it prints its arguments."""

    def __call__(self, *args, **options):
        options = {name: str(value) for name, value in options.items() if name != "registry"}
        raise ReidbenchError(f"{args} {options}")


def outcome(saved, folder, command, args, monkeypatch):
    """Run a command in a copy of the saved folder; return its output, its exit code and the files that it wrote."""
    shutil.copytree(saved[0], folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("reidbench.submitting.submit.submit", Recorded())
    arguments = [saved[1] if arg == "RUN" else arg for arg in args]
    result = CliRunner().invoke(app, [*command.split(), *arguments], env={"COLUMNS": "250"})
    error = str(result.exception) if isinstance(result.exception, ReidbenchError) else ""
    assert error or result.exception is None or isinstance(result.exception, SystemExit), result.exception
    files = {
        path.relative_to(folder).as_posix(): b"" if path.is_relative_to(folder / "runs") else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    text = re.sub(r"[\d.]+ s\b", "TIME s", result.output)
    return text, error, result.exit_code, files


@pytest.fixture(scope="module")
def plain(saved, tmp_path_factory):
    """Return the outcome of the plain command; made once for all options of the command."""
    made = {}

    def of(command):
        if command not in made:
            with pytest.MonkeyPatch.context() as patch:
                folder = tmp_path_factory.mktemp("plain") / "work"
                made[command] = outcome(saved, folder, command, COMMANDS[command][0], patch)
        return made[command]

    return of


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_plain_command_gives_the_same_twice(command, saved, plain, tmp_path, monkeypatch):
    again = outcome(saved, tmp_path / "work", command, COMMANDS[command][0], monkeypatch)
    assert again == plain(command)
    error, code = again[1:3]
    assert code == 0 or command in ("submit", "runs rm"), error


def arguments(command, option):
    """Return the plain arguments of a command with another value of one option, which replaces a plain value."""
    base, cases = COMMANDS[command]
    if option in base:
        place = base.index(option)
        base = base[:place] + base[place + 2 :]
    return [*base, *cases[option]]


@pytest.mark.parametrize(
    ("command", "option"), [(command, option) for command, (_, cases) in COMMANDS.items() for option in cases]
)
def test_each_option_changes_the_outcome_or_is_refused(command, option, saved, plain, tmp_path, monkeypatch):
    other = outcome(saved, tmp_path / "work", command, arguments(command, option), monkeypatch)
    assert other != plain(command)
    # A usage error would show that the case itself is wrong: the command does not know the option or its value.
    assert "No such option" not in other[0] and "Missing" not in other[0]


def test_the_memory_limit_reaches_the_checks(monkeypatch):
    limits = []
    monkeypatch.setattr("reidbench.testing.examine", lambda *_, memory_mib, **__: limits.append(memory_mib) or 1 / 0)
    for args in ([], ["--memory", "100"]):
        CliRunner().invoke(app, ["plugin", "check", "color_histogram", *args])
    assert limits == [4096, 100]


@pytest.mark.parametrize("setting", ["hue_bins=5", "color_histogram.hue_bins=5"])
def test_plugin_check_takes_settings_with_and_without_the_method(setting, monkeypatch):
    taken = []
    monkeypatch.setattr("reidbench.testing.examine", lambda *_, settings, **__: taken.append(settings) or 1 / 0)
    CliRunner().invoke(app, ["plugin", "check", "reidbench:color_histogram", "--set", setting])
    assert taken == [{"hue_bins": "5"}]


def test_tune_takes_settings_of_the_method_and_refuses_those_of_the_grid(tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(
        "reidbench.experiments.grid_search.evaluate", lambda *_, settings, **__: taken.append(settings) or 1 / 0
    )
    base = ["tune", "--method", "triplet_effnet", "--dataset", SMALL, "--runs", str(tmp_path)]
    CliRunner().invoke(app, [*base, "--set", "triplet_effnet.epochs=1"])
    (settings,) = taken
    assert settings["epochs"] == "1" and "triplet_effnet.epochs" not in settings
    searched = next(key for key in settings if key != "epochs")
    error = CliRunner().invoke(app, [*base, "--set", f"{searched}=1"]).exception
    assert isinstance(error, ReidbenchError) and f"tries values of {searched}" in error.message


def test_an_unknown_kind_of_split_lists_all_kinds(tmp_path):
    error = CliRunner().invoke(app, ["split", SMALL, "-o", str(tmp_path / "s.csv"), "--split-kind", "odd"]).exception
    kinds = "auto, given, competition, open-set, closed-set, disjoint, time-proportion, time-cutoff, random"
    assert isinstance(error, ReidbenchError) and sorted(error.remedy.split(": ")[1].split(", ")) == sorted(
        kinds.split(", ")
    )


def test_allow_unmatched_scores_predictions_without_a_name_of_the_truth(saved, tmp_path, monkeypatch):
    shutil.copytree(saved[0], tmp_path / "strangers")
    (tmp_path / "strangers" / "predictions.csv").write_text("image_id,identity\n1,x\n2,y\n3,z\n4,x\n")
    base = COMMANDS["score"][0]
    for args, code in ((base, 1), ([*base, "--allow-unmatched"], 0)):
        strangers = (tmp_path / "strangers", "")
        assert outcome(strangers, tmp_path / str(code), "score", args, monkeypatch)[2] == code


@pytest.mark.parametrize("command", OF_TWO_SPLITS)
def test_mixed_splits_changes_the_outcome_for_runs_on_two_splits(command, saved, tmp_path, monkeypatch):
    first = outcome(saved, tmp_path / "first", "run", [*TWO, "--split-seed", "1"], monkeypatch)
    assert first[2] == 0
    two = (tmp_path / "first", "")
    plain, mixed = (
        outcome(two, tmp_path / name, command, args, monkeypatch)
        for name, args in (("plain", []), ("mixed", ["--mixed-splits"]))
    )
    assert plain != mixed


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["report", "--no-images", "--images", SMALL, "--root", "photos"], "--images, --root have no effect"),
        (["report", "--root", "photos"], "--root has no effect"),
        (["audit", SMALL, "--no-split", "--split-kind", "random"], "--split-kind has no effect"),
        (["audit", SMALL, "--no-split", "--split", "a.csv"], "--split has no effect"),
        (["audit", SMALL, "--no-split", "--split-seed", "1"], "--split-seed has no effect"),
        (["audit", SMALL, "--no-split", "--repair", "a.csv"], "--repair has no effect"),
        (["audit", SMALL, "--split", "a.csv", "--split-kind", "random"], "--split-kind has no effect"),
        (["audit", SMALL, "--split", "a.csv", "--split-seed", "1"], "--split-seed has no effect"),
        (["audit", SMALL, "--method", "sift"], "--method has no effect"),
        (["datasets", "--unknown", "a", "--bbox", "xyxy"], "--unknown, --bbox have no effect"),
        (["plugin", "check", "--list", "--set", "hue_bins=5"], "--set has no effect"),
        (["plugin", "check", "color_histogram", "--list"], "--list lists the checks"),
        (["score", "a.csv", "--truth", "b.csv", "--task", "clustering", "--empty-side", "zero"],
         "--empty-side has no effect"),
        (["identify", "photos", "--run", "r", "--enroll", "d.json", "--whole"], "--whole has no effect"),
        (["identify", "photos", "--run", "r", "--enroll", "d.json", "--error", "0.1"], "--error has no effect"),
        (["identify", "photos", "--run", "r", "--enroll", "d.json", "--device", "cpu"], "--device has no effect"),
        (["compare", "--json", "--format", "csv"], "two formats are named"),
        (["compare", "--json", "--costs"], "--costs has no effect"),
        (["compare", "--format", "csv", "--by-group", "--variance"], "--by-group, --variance have no effect"),
    ],
)  # fmt: skip
def test_options_that_cannot_go_together_are_refused(args, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(app, args).exception
    assert isinstance(error, ReidbenchError) and error.message.startswith(options)
    assert error.remedy


@pytest.mark.parametrize("command", ["run --method color_histogram --dataset", "split -o split.csv"])
@pytest.mark.parametrize("kind", ["closed-set", "time-cutoff"])
def test_a_share_of_unknown_animals_is_refused_by_kinds_that_cannot_obey(command, kind, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = [*command.split(), str(saved[0] / "dataset.csv"), "--split-kind", kind, "--new-share", "0.5"]
    error = CliRunner().invoke(app, args).exception
    assert isinstance(error, ReidbenchError) and error.message.startswith("--new-share has no effect on the kind")
    assert error.remedy and not list(tmp_path.rglob("*.json")) and not (tmp_path / "split.csv").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run --method color_histogram --new-share 0.5 --dataset", "--new-share has no effect: the column split"),
        ("run --method color_histogram --split-seed 1 --dataset", "the split of kind 'given' is the same with seed 1"),
        ("split -o split.csv --new-share 0.5", "--new-share has no effect: the column split"),
        ("split -o split.csv --split-seed 1", "the split of kind 'given' is the same with seed 1"),
        ("audit --split-seed 1", "the split of kind 'given' is the same with seed 1"),
    ],
)
def test_options_are_refused_if_the_dataset_gives_every_part(command, message, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.read_csv(saved[0] / "dataset.csv", dtype=str)
    place = table.groupby("identity").cumcount() // 2 % 3  # two photographs are one encounter
    table.assign(split=place.map({0: "train", 1: "val", 2: "test"})).to_csv("given.csv", index=False)
    error = CliRunner().invoke(app, [*command.split(), "given.csv", "--split-kind", "given"]).exception
    assert isinstance(error, ReidbenchError) and error.message.startswith(message)
    assert error.remedy


@pytest.mark.parametrize("options", [{"split_kind": "random"}, {"split_seed": 1}, {"new_share": 0.5}])
def test_evaluate_refuses_options_of_a_split_to_make_if_it_gets_a_split(options, tmp_path):
    images = reidbench.load_dataset(SMALL)
    for split in (reidbench.make_split(images), tmp_path / "split.csv"):
        with pytest.raises(ReidbenchError, match=f"^{next(iter(options))} has no effect together with split"):
            evaluate("color_histogram", images, split=split, runs_dir=tmp_path, progress=Progress(), **options)


def test_a_split_file_replaces_the_split_seed_of_a_file_of_settings(saved, tmp_path, monkeypatch):
    jobs = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("reidbench.experiments.jobs.run_jobs", lambda made, **_: jobs.extend(made) or ([], []))
    (tmp_path / "best.json").write_text(json.dumps({"settings": {}, "method": "color_histogram", "split_seed": 3}))
    for more in ([], ["--split", "s.csv"]):
        CliRunner().invoke(app, ["run", "--settings", "best.json", "--dataset", SMALL, *more], catch_exceptions=False)
    assert [job.split_seed for job in jobs] == [3, 0]
