"""Every command that uses the method of a saved run takes ``--plugin FILE``."""

import json

import pytest
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from tests.reidbench.records.test_promises import PLUGIN

DATASET = "patterns:identities=12,size=64,level=easy"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the plugin file, and the folder with a run of its method."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "mean_colour.py").write_bytes(PLUGIN.encode())
    call = ["run", "--method", "mean_colour", "--dataset", DATASET, "--plugin", folder / "mean_colour.py"]
    done = CliRunner().invoke(app, [*map(str, call), "--runs", str(folder / "runs"), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (run,) = (folder / "runs").glob("*/*/*/run.json")
    return folder / "mean_colour.py", run.parent


COMMANDS = {
    "curve": ["curve", "images-per-identity", "{run}", "--draws", "1", "--keep", "1"],
    "cluster": ["cluster", "{run}"],
    "identify": ["identify", "{image}", "--run", "{run}", "-o", "{tmp}/out.csv", "--group", "lynx"],
    "audit": ["audit", DATASET, "--embedding", "{run}"],
}
"""Commands that use the method of the run."""
READERS = {
    "census": ["census", "{run}"],
    "rethreshold": ["rethreshold", "{run}", "--threshold", "max-score"],
    "report": ["report", "{run}", "-o", "{tmp}/page.html"],
}
"""Commands that need no method, and take the option for policies and sections of the plugin."""


def called(words, made, tmp_path, *more):
    _, run = made
    image = reidbench.load_dataset(DATASET).image_path(0)
    words = [word.format(run=run, tmp=tmp_path, image=image) for word in words]
    return CliRunner().invoke(app, [*words, "--json", *more] if words[0] not in ("report",) else [*words, *more])


@pytest.mark.parametrize("command", {**COMMANDS, **READERS})
def test_a_command_finds_the_method_of_a_plugin_file(command, made, tmp_path):
    done = called({**COMMANDS, **READERS}[command], made, tmp_path, "--plugin", str(made[0]))
    assert done.exit_code == 0, (done.output, done.exception)
    assert command == "report" or json.loads(done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_file_the_command_says_that_there_is_no_such_method(command, made, tmp_path):
    done = called(COMMANDS[command], made, tmp_path)
    assert isinstance(done.exception, ReidbenchError), (done.output, done.exception)
    assert "mean_colour" in done.exception.message
