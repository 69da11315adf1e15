"""``reidbench plugin check``: a table for people, JSON for programs, and the exit code that tells them apart."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from reidbench import ReidbenchError
from reidbench.cli.commands.plugin import check
from reidbench.registry.registered import Offer, Registry
from reidbench.testing import CHECKS
from tests.reidbench.testing.faults import FAULTS, spec

app = typer.Typer()
app.command()(check)


@pytest.fixture
def run(monkeypatch):
    specs = [spec(), spec(FAULTS["order_kept"].build, name="unordered", source="[these] tests")]
    registry = Registry(tuple(Offer(each, "theirs", "1.0") for each in specs), ())
    monkeypatch.setattr("reidbench.registry.registered.load_registry", lambda files=(): registry)
    return lambda *arguments: CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_a_sound_method_is_a_table_of_passes_and_exit_0(run):
    done = run("sound")
    assert done.exit_code == 0
    assert "sound of theirs: cells=4" in done.stdout and "FAILED" not in done.stdout
    assert "53 passed, 0 failed, 4 not applicable" in done.stdout
    assert all(each.name in done.stdout for each in CHECKS)


def test_a_failure_is_shown_with_difference_reason_and_remedy_and_exit_1(run):
    done = run("unordered")
    assert done.exit_code == 1
    row = next(line for line in done.stdout.splitlines() if "order_kept " in line)
    assert "FAILED" in row and "'embedding' differs by up to 0.04:" in row
    assert "remedy: do not sort, shuffle or group images" in done.stdout
    assert "not checked: order_kept failed" in done.stdout and "1 failed" in done.stdout


def test_json_says_the_same(run):
    done = run("unordered", "--json", "--only", "order_kept", "--only", "name", "--set", "cells=6")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["method"] == "unordered" and found["plugin"] == "theirs" and found["settings"] == {"cells": 6}
    assert found["counts"] == {"passed": 1, "failed": 1, "not_applicable": 0}
    order, name = found["checks"]
    assert order["check"] == "order_kept" and order["verdict"] == "failed" and "differs" in order["difference"]
    assert name["verdict"] == "passed" and name["difference"] is None and name["remedy"] is None


def test_the_checks_are_listed_without_a_method(run):
    shown = run("--list").stdout
    assert all(each.name in shown for each in CHECKS)
    rows = json.loads(run("--list", "--json").stdout)
    assert [row["check"] for row in rows] == [each.name for each in CHECKS]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no method is named"),
        (["sond"], "did you mean 'sound'"),
        (["sound", "--only", "colour"], "there is no check 'colour'"),
        (["sound", "--set", "cells=99"], "less than or equal to 16"),
        (["sound", "--preset", "fast"], "no preset 'fast'"),
    ],
)
def test_what_a_user_can_mend_is_one_clear_error(run, arguments, message):
    done = run(*arguments)
    assert isinstance(done.exception, ReidbenchError) and message in done.exception.message
    assert done.exception.remedy


def test_a_method_in_a_plain_file_is_checked_like_any_other(tmp_path):
    file = tmp_path / "brightness.py"
    file.write_text(
        "import numpy as np, reidbench\n\n"
        "@reidbench.embedding_method(source='these tests')\n"
        "def brightness(pixels):\n"
        '    """Brightness of three channels."""\n'
        "    return np.stack([image.mean((0, 1)) for image in pixels])\n"
    )
    done = CliRunner().invoke(app, ["brightness", "--plugin", str(file), "--json"])
    assert done.exit_code == 0, done.stdout
    judged = {row["check"]: row for row in json.loads(done.stdout)["checks"]}
    assert judged["light_import"]["verdict"] == "not applicable" and judged["whole_run"]["verdict"] == "passed"
