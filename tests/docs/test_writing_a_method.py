"""docs/writing-a-method.md: every command runs, every file works, and no hook or public name is missing."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import reidbench
from reidbench.cli.main import main
from reidbench.registry import hookspecs
from reidbench.registry.registered import load_registry

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-method.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.S | re.M)
HEADINGS = re.findall(r"^#+ .*$", PAGE.read_text(encoding="utf-8"), re.M)
FILES = {code.splitlines()[0][2:]: code for kind, code in BLOCKS if kind == "python" and code.startswith("# ")}
COMMANDS = [line for kind, code in BLOCKS if kind == "sh" for line in code.splitlines()]
METHODS = ("thumbnail.py", "frozen.py", "corners.py", "both.py", "softmax.py", "mirrored.py")


class Shell:
    """Runs the page's commands in one folder; ``reidbench`` in this process, so that it is imported once."""

    def __init__(self, folder, monkeypatch, capsys):
        self.folder, self.site = folder, folder / "site"
        self.monkeypatch, self.capsys = monkeypatch, capsys
        monkeypatch.chdir(folder)

    def run(self, line):
        words = shlex.split(line, comments=True)
        if words[0] == "reidbench":
            return self._reidbench(words)
        if words[:2] == ["pip", "install"]:
            return self._install(words[2:])
        if words[:3] == ["python", "-m", "pytest"]:
            return self._pytest(words[3:])
        raise AssertionError(f"the page has a command that its test can't run: {line}")

    def _reidbench(self, words):
        self.monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        assert ended.value.code == 0, f"{shlex.join(words)}\n{said.err}"
        return said.out

    def _install(self, packages):
        pytest.importorskip("setuptools", reason="pip builds the package with setuptools, which is absent here")
        offline = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(self.site)]
        subprocess.run([sys.executable, "-m", "pip", "install", *offline, *packages], check=True)
        self.monkeypatch.syspath_prepend(str(self.site))
        return ""

    def _pytest(self, folders):
        path = os.pathsep.join(filter(None, [str(self.site), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *folders],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(autouse=True)
def forget_what_was_installed(tmp_path):
    """A package that stays imported is found as installed by the tests that come after, though its files are gone."""
    yield
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def test_every_command_runs_in_order_and_ends_on_the_leaderboard(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    shell = Shell(tmp_path, monkeypatch, capsys)
    said = {}
    for line in COMMANDS:
        said.setdefault(line, []).append(shell.run(line))
    first, last = said["reidbench compare"]
    assert "thumbnail" in first and "color_histogram" in first
    ran = set(re.findall(r"--method (\w+)", " ".join(COMMANDS)))
    assert ran and all(name in last for name in ran)
    assert "Seconds of each run" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_at_most_thirty_lines_and_takes_public_names_alone(name):
    lines = [line for line in FILES[name].splitlines() if line.strip()]
    assert len(lines) <= 30
    for node in ast.walk(ast.parse(FILES[name])):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "reidbench":
            assert node.attr in reidbench.__all__
        assert not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reidbench"))


def test_the_blocks_that_are_no_files_are_plugins_that_load(tmp_path):
    others = [code for kind, code in BLOCKS if kind == "python" and not code.startswith("# ")]
    assert others
    for place, code in enumerate(others):
        path = tmp_path / f"block{place}.py"
        path.write_text(code)
        assert not load_registry([], files=[path]).broken


def test_the_command_on_the_page_names_the_best_run(stranger, tmp_path, monkeypatch, capsys):
    code = next(code for kind, code in BLOCKS if kind == "python" and "def reidbench_commands" in code)
    stranger(code)
    shell = Shell(tmp_path, monkeypatch, capsys)
    shell.run("reidbench run --method color_histogram --dataset patterns:identities=12,size=64,level=easy")
    assert shell.run("reidbench best") == "color_histogram\n"


def test_every_hook_has_a_section():
    hooks = [name for name in vars(hookspecs) if name.startswith("reidbench_")]
    assert len(hooks) == 6
    missing = [name for name in hooks if f"### `{name}`" not in HEADINGS]
    assert not missing


def test_every_public_name_has_a_section():
    named = {name for heading in HEADINGS for name in re.findall(r"`(\w+)`", heading)}
    assert not set(reidbench.__all__) - named
    hooks = {name for name in named if name.startswith("reidbench_")}
    assert not named - hooks - set(reidbench.__all__), "the page has a name that is not public"
