"""``--memory`` of each command that decodes photographs or compares features: obeyed in it, and over after it."""

import pytest
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.data.memory import memory_bytes
from reidbench.errors import ReidbenchError

# The command, and the function that it calls for its work.
CASES = {
    "run": (["run", "--method", "sift"], "reidbench.experiments.jobs.run_jobs"),
    "run --from": (["run", "--from", "some_run"], "reidbench.cli.commands.run.repeat"),
    "tune": (["tune", "--method", "triplet_effnet"], "reidbench.experiments.grid_search.tune_method"),
    "identify": (["identify", "photographs", "--run", "r"], "reidbench.identifying.answering.identify"),
    "audit": (["audit", "patterns"], "reidbench.reporting.audit_build.run_audit"),
    "report": (["report"], "reidbench.reporting.build.build_report"),
    "submit": (["submit", "some_run"], "reidbench.submitting.submit.submit"),
    "cluster": (["cluster", "some_run"], "reidbench.records.finding.find_run"),
    "curve": (["curve", "images-per-identity", "r"], "reidbench.records.finding.find_run"),
}


@pytest.mark.parametrize("command", CASES)
@pytest.mark.parametrize(("given", "used"), [([], 2**30), (["--memory", "128MiB"], 2**27)])
def test_a_command_works_within_the_memory_that_the_option_gives(command, given, used, monkeypatch):
    args, work = CASES[command]
    budgets = []
    monkeypatch.setattr(work, lambda *_, **__: budgets.append(memory_bytes()) or 1 / 0)
    result = CliRunner().invoke(app, [*args, *given])
    assert budgets == [used], result.output
    assert memory_bytes() == 2**30


@pytest.mark.parametrize("command", CASES)
@pytest.mark.parametrize("size", ["1MB", "much"])
def test_a_size_that_is_none_or_too_small_is_refused(command, size):
    error = CliRunner().invoke(app, [*CASES[command][0], "--memory", size]).exception
    assert isinstance(error, ReidbenchError) and error.where == f"--memory {size}"
