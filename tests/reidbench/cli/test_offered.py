"""A command of a plugin: listed without being loaded, run by name, and its failures in one message."""

import json
import sys

import pytest

from reidbench.cli.main import main

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
    assert [row["reason"] for row in broken] == ["a command can't be called 'run', which is a name of reidbench's own"]


def test_a_name_that_nobody_offers_is_a_usage_error(reidbench):
    code, _, said = reidbench("helo")
    assert code == 2 and "No such command 'helo'" in said


def test_two_of_one_name_are_called_by_their_distribution(reidbench, stranger):
    stranger(PLUGIN, "another")
    code, _, said = reidbench("hello", "zebra")
    assert code == 1 and "another:hello and stranger:hello" in said
    assert reidbench("another:hello", "zebra")[1] == "hello zebra \n"
    assert "another:hello" in reidbench("--help")[1]
