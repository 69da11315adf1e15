"""The scaffolded plugin as a real distribution: installed by pip, run and compared in processes of their own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.scaffold import KINDS, PluginPlan, write_plugin

TESTS = Path(__file__).parents[3]
SMALL = "patterns:identities=12,size=64,level=easy"
NAMES = {kind: "example_plugin" if kind == "embedding" else f"my_{kind}" for kind in KINDS}


def install(folders, site):
    """Install packages into a folder of their own, offline; pip builds in the source, so in a copy."""
    pytest.importorskip("setuptools", reason="pip builds the plugin with setuptools, which this environment lacks")
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CONFIG_FILE": os.devnull}
    subprocess.run([sys.executable, *command, "--target", str(site), *map(str, folders)], env=quiet, check=True)


def python(*arguments, site, cwd):
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reidbench(*arguments, site, cwd):
    return python("-c", "from reidbench.cli.main import main; main()", *arguments, site=site, cwd=cwd)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Install the example and one package of each other kind."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(TESTS / "example_plugin", folder / "example_plugin", ignore=shutil.ignore_patterns("__pycache__"))
    for kind, name in NAMES.items():
        if kind != "embedding":
            write_plugin(PluginPlan(name, kind), folder / name)
    install([folder / name for name in NAMES.values()], folder / "site")
    return folder / "site"


def test_the_example_is_on_the_leaderboard_two_commands_after_its_install(site, tmp_path):
    listed = json.loads(reidbench("methods", "--json", site=site, cwd=tmp_path))
    assert not listed["broken"]
    assert "reidbench-example-plugin" in {row["plugin"] for row in listed["methods"]}
    reidbench("run", "--method", "example_plugin", "--dataset", SMALL, site=site, cwd=tmp_path)
    rows = json.loads(reidbench("compare", "--json", site=site, cwd=tmp_path))
    assert [(row["method"], row["rank"]) for row in rows] == [("example_plugin", 1)]


def test_every_kind_passes_its_own_test(site, tmp_path):
    folders = [str(site.parent / name / "tests") for name in NAMES.values()]
    said = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *folders, site=site, cwd=tmp_path)
    assert re.search(r"\d+ passed", said) and "failed" not in said


def test_new_says_what_it_wrote_and_what_comes_next(tmp_path):
    done = CliRunner().invoke(app, ["plugin", "new", "fur_pattern", "-o", str(tmp_path / "fur")])
    assert done.exit_code == 0
    assert str(tmp_path / "fur" / "pyproject.toml") in done.stdout
    assert "reidbench run --method fur_pattern" in done.stderr


def test_the_commands_of_the_readme_work_as_pasted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [line.partition("#")[0].strip() for line in (TESTS.parent / "README.md").read_text().splitlines()]
    start = lines.index("reidbench plugin new stripes")
    new, pip, check = (line.split() for line in lines[start : start + 3])
    assert pip == ["pip", "install", "-e", "./stripes"]
    assert CliRunner().invoke(app, new[1:]).exit_code == 0
    missing = CliRunner().invoke(app, check[1:])
    assert missing.exit_code == 1 and missing.exception.remedy == " ".join(pip)
    assert missing.exception.message == (
        "no method is called 'stripes'; the folder 'stripes' is a package that is not installed"
    )
    install([tmp_path / "stripes"], tmp_path / "site")
    said = reidbench(*check[1:], "--only", "name", site=tmp_path / "site", cwd=tmp_path)
    assert "stripes of reidbench-stripes" in said
