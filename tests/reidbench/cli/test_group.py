"""Commands are found by name: those of reidbench in its package, those of plugins in the registry."""

import importlib.metadata
import json
import re
import subprocess
import sys

import pytest

from reidbench.cli import commands
from reidbench.cli.group import SECTIONS, Commands
from reidbench.cli.main import main
from reidbench.registry.commands import own_commands
from reidbench.registry.registered import load_registry

VERBS = {
    "Add", "Allow", "Apply", "Audit", "Call", "Change", "Check", "Choose", "Compare", "Compute", "Count", "Download",
    "Join",
    "Draw", "Enrol", "Estimate", "Give", "Identify", "Keep", "Leave", "Let", "List", "Load", "Make", "Measure", "Print",
    "Rank", "Read", "Remove", "Repeat", "Report", "Run", "Score", "Search", "Set", "Show", "Split", "Stop", "Try",
    "Use", "Write",
}  # fmt: skip

PLUGIN = """
import typer
import reidbench

def hello():
    def hello(whom: str, times: int = 1, fail: str = "") -> None:
        if fail:
            raise {"mend": reidbench.ReidbenchError("mend me"), "exit": typer.Exit(3)}.get(fail, KeyError(fail))
        print(f"hello {whom} " * times)
    return hello

def group():
    app = typer.Typer()
    app.command("one")(lambda: print("the first"))
    app.command("two")(lambda: print("the second"))
    return app

@reidbench.hookimpl
def reidbench_commands():
    return [
        reidbench.CommandSpec("hello", "Greet someone.", hello),
        reidbench.CommandSpec("group", "Hold several.", group),
        reidbench.CommandSpec("broken", "Break.", lambda: 1 / 0),
        reidbench.CommandSpec("odd", "Return a number.", lambda: 7),
        reidbench.CommandSpec("run", "Take the place of run.", hello),
    ]
"""


@pytest.fixture
def reidbench(stranger, monkeypatch, capsys):
    stranger(PLUGIN)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["reidbench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return call


def test_it_is_listed_without_being_loaded(reidbench):
    code, listed, _ = reidbench("--help")
    assert code == 0 and "Greet someone." in listed and "Break." in listed
    assert "Take the place of run." not in listed


def test_it_runs_with_options_of_its_own(reidbench):
    assert reidbench("hello", "zebra", "--times", "2")[1] == "hello zebra hello zebra \n"
    assert reidbench("group", "two")[1] == "the second\n"
    code, said, _ = reidbench("hello", "--help")
    assert code == 0 and "Greet someone." in said and "--times" in said


def test_its_failure_is_one_message_with_its_place(reidbench):
    code, _, said = reidbench("hello", "zebra", "--fail", "here")
    assert code == 1 and "the command 'hello' of stranger 1.0 failed: KeyError: 'here'" in said
    assert "plugin_stranger.py, line 8" in said and "Traceback" not in said
    assert reidbench("hello", "zebra", "--fail", "mend")[2].startswith("error: mend me")
    assert reidbench("hello", "zebra", "--fail", "exit")[0] == 3
    assert reidbench("hello")[0] == 2 and reidbench("hello", "zebra", "--times", "x")[0] == 2


@pytest.mark.parametrize(("name", "reason"), [("broken", "ZeroDivisionError"), ("odd", "load returned int")])
def test_one_that_can_not_be_loaded_costs_only_itself(reidbench, name, reason):
    code, _, said = reidbench(name)
    assert code == 1 and f"the command '{name}' of stranger 1.0 can't be loaded" in said and reason in said
    assert reidbench("hello", "zebra")[0] == 0


def test_a_clash_with_one_of_ours_is_refused_with_the_reason(reidbench):
    assert "Take the place of run." not in reidbench("run", "--help")[1]
    broken = json.loads(reidbench("methods", "--json")[1])["broken"]
    assert [row["reason"] for row in broken] == ["a command can't be called 'run', because reidbench uses this name"]


def test_a_name_that_nobody_offers_is_a_usage_error(reidbench):
    code, _, said = reidbench("helo")
    assert code == 2 and "No such command 'helo'; did you mean 'hello'?" in said
    assert "did you mean 'compare'?" in reidbench("compar")[2]
    assert reidbench("zzzz")[2].rstrip().endswith("No such command 'zzzz'.")


def test_two_of_one_name_are_called_by_their_distribution(reidbench, stranger):
    stranger(PLUGIN, "another")
    code, _, said = reidbench("hello", "zebra")
    assert code == 1 and "another:hello and stranger:hello" in said
    assert reidbench("another:hello", "zebra")[1] == "hello zebra \n"
    assert "another:hello" in reidbench("--help")[1]


@pytest.mark.parametrize("name", own_commands())
def test_each_command_has_a_section_a_summary_and_help_without_torch(name):
    code = (
        "import sys; from reidbench.cli.main import main\n"
        f"sys.argv = ['reidbench', '{name}', '--help']\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "loaded = {'torch', 'timm', 'kornia', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'imported {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"reidbench {name}" in done.stdout


def test_help_lists_every_command_once_below_its_section(reidbench):
    shown = reidbench("--help")[1]
    sections = [line.rstrip(":") for line in shown.splitlines() if line in {f"{section}:" for section in SECTIONS}]
    assert sections == list(SECTIONS)
    below = shown[shown.index("Run methods:") :]
    listed = re.findall(r"^  (\S+)", below, flags=re.MULTILINE)
    for name in own_commands():
        assert listed.count(name) == 1
    assert shown.index("Run methods") < shown.index("\n  run ") < shown.index("Read saved runs")


def every_command():
    """Return each command and sub-command with its words."""
    for name in own_commands():
        command = Commands().get_command(None, name)
        below = getattr(command, "commands", {})
        yield from (pytest.param(f"{name} {inner}", each, id=f"{name} {inner}") for inner, each in below.items())
        yield pytest.param(name, command, id=name)


@pytest.mark.parametrize(
    ("words", "command"), every_command(), ids=lambda given: given if isinstance(given, str) else ""
)
def test_each_command_and_option_says_in_a_sentence_what_it_does(words, command):
    summary = command.get_short_help_str(58)
    assert summary.endswith(".") and not summary.endswith("..."), "the summary does not fit a line of --help"
    for parameter in command.params:
        text = getattr(parameter, "help", None)
        assert text and re.fullmatch(r"[A-Z][a-z].*\.", text), f"{parameter.name} of {words}: {text!r}"
        first = text.split()[0]
        assert first in VERBS, f"the help of {parameter.name} of {words} begins with {first!r}, not with a verb"


@pytest.mark.parametrize("name", ["curve", "plugin", "runs"])
def test_the_help_of_a_group_of_commands_looks_like_that_of_others(reidbench, name):
    shown = reidbench(name, "--help")[1]
    assert shown.startswith(f"Usage: reidbench {name} ") and "install-completion" not in shown


def test_a_new_module_is_a_command(reidbench, monkeypatch, tmp_path):
    """A file in the package is all that a command needs."""
    (tmp_path / "greet.py").write_text(
        'SECTION = "Greetings"\n'
        'def greet(animal: str) -> None:\n    """Greet an animal."""\n    print("hello", animal)\n'
    )
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    monkeypatch.setattr("reidbench.cli.group.own_commands", lambda: (*own_commands(), "greet"))
    assert reidbench("greet", "zebra")[1] == "hello zebra\n"
    shown = reidbench("--help")[1]
    assert shown.index("Greetings:") < shown.index("Greet an animal.") < shown.index("From plugins:")


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        ("compare", "--split", "--split-digest"),
        ("report", "--split", "--split-digest"),
        ("identify", "--gallery", "--enrolled"),
        ("split", "--seed", "--split-seed"),
    ],
)
@pytest.mark.parametrize("joined", ["", "="])
def test_an_option_that_was_renamed_is_accepted_with_a_warning_and_hidden(
    monkeypatch, capsys, command, old, new, joined
):
    given = [f"{old}=5"] if joined else [old, "5"]
    context = type("Context", (), {})()
    name, _, args = Commands().resolve_command(context, [command, *given, "-o", "x"])
    assert (name, args) == (command, [f"{new}=5" if joined else new, *([] if joined else ["5"]), "-o", "x"])
    said = capsys.readouterr().err
    assert said == f"warning: {old} is now called {new}; the old spelling will be removed in a later release\n"
    assert Commands().resolve_command(context, [command, new, "5"])[2] == [new, "5"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [("run",), ("tune",), ("plugin", "check")])
def test_the_old_name_of_the_preset_is_taken_with_a_warning(reidbench, command):
    named = ["--method", "sift"] if len(command) == 1 else ["color_histogram"]
    code, _, said = reidbench(*command, *named, "--preset", "report", "--set", "none=1")
    assert code == 1 and said.startswith("warning: --preset report is now called --preset paper; ")
    assert "warning" not in reidbench(*command, *named, "--preset", "paper", "--set", "none=1")[2]
    assert "paper" in reidbench(*command, "--help")[1]


def test_the_old_name_of_an_option_works_and_is_not_in_the_help(reidbench, tmp_path):
    code, _, said = reidbench(
        "split", "patterns:identities=24,size=64,level=easy", "-o", str(tmp_path / "s.csv"), "--seed", "3"
    )
    assert code == 0 and "warning: --seed is now called --split-seed" in said
    helped = reidbench("split", "--help")[1]
    assert "--split-seed" in helped and " --seed" not in helped


def test_help_loads_no_plugin_of_reidbench(reidbench, monkeypatch):
    """They offer no command; other plugins are loaded."""
    entry_points = importlib.metadata.entry_points(group="reidbench")
    ours = [entry_point for entry_point in entry_points if entry_point.dist.name == "reidbench"]
    assert ours and not any(o.distribution == "reidbench" for o in load_registry(entry_points=ours).commands)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ours)
    monkeypatch.setattr("reidbench.registry.registered.load_registry", lambda: pytest.fail("plugins were loaded"))
    code, shown, _ = reidbench("--help")
    assert code == 0 and "From plugins" not in shown
