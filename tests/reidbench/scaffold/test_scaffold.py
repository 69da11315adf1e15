"""``plugin new``: what it writes is complete and in style, and what it can't do is one clear message."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.scaffold import KINDS, PluginPlan, check_free, write_plugin

EXAMPLE = Path(__file__).parents[2] / "example_plugin"


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_complete(tmp_path, kind):
    plan = PluginPlan("fur_pattern", kind, "Apache-2.0")
    write_plugin(plan, tmp_path / "fur_pattern")
    project = tomllib.loads((tmp_path / "fur_pattern" / "pyproject.toml").read_text())
    assert project["project"]["name"] == "reidbench-fur-pattern" and project["project"]["license"] == "Apache-2.0"
    assert project["project"]["entry-points"]["reidbench"] == {"fur_pattern": "reidbench_fur_pattern"}
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"fur_pattern/README.md", "fur_pattern/tests/test_fur_pattern.py"} <= names
    hook = (tmp_path / "fur_pattern" / "reidbench_fur_pattern" / "__init__.py").read_text()
    assert "class FurPatternSettings" in hook and "{{" not in hook


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_in_style_and_takes_public_names_alone(tmp_path, kind):
    for path in write_plugin(PluginPlan("fur_pattern", kind), tmp_path / "plugin"):
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "reidbench":
                assert {alias.name for alias in node.names} <= set(reidbench.__all__)
            inner = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reidbench.")
            assert not inner or node.module == "reidbench.testing"  # the conformance kit, for its test
    for check in (["check", "--select", "E,F,I,UP,B,SIM"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", check[0], "--isolated", "--line-length", "120", *check[1:], tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_the_example_is_what_plugin_new_writes_now():
    plan = PluginPlan("example_plugin")
    written = {path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*") if path.is_file()}
    assert {name for name in written if "__pycache__" not in name} == set(plan.files())
    for name, text in plan.files().items():
        assert (EXAMPLE / name).read_text() == text, f"make it anew: reidbench plugin new example_plugin ({name})"


@pytest.mark.parametrize(
    "name", ["", "Fur", "fur-pattern", "2fur", "fur pattern", "fur__x", "class", "../fur", "für", "x" * 41, "_x"]
)
def test_a_bad_name_is_refused_with_one_that_would_do(name):
    with pytest.raises(ReidbenchError, match="can't be called") as caught:
        PluginPlan(name)
    PluginPlan(caught.value.remedy.split()[-1])


def test_a_taken_name_is_refused():
    with pytest.raises(ReidbenchError, match="has a method 'sift' already"):
        check_free(PluginPlan("sift"))
    with pytest.raises(ReidbenchError, match="'reidbench_triplet' is installed already"):
        check_free(PluginPlan("triplet"))
    check_free(PluginPlan("nobody_has_this"))


def test_unknown_kinds_and_licences_are_refused():
    with pytest.raises(ReidbenchError, match="no kind of method 'tree'"):
        PluginPlan("fur", "tree")
    with pytest.raises(ReidbenchError, match="no licence expression"):
        PluginPlan("fur", licence='MIT"\nname = "x')


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(ReidbenchError, match="is not overwritten"):
        write_plugin(PluginPlan("fur"), tmp_path)
    with pytest.raises(ReidbenchError, match="is not overwritten"):
        write_plugin(PluginPlan("fur"), tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert write_plugin(PluginPlan("fur"), tmp_path / "empty")


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_is_one_message_and_leaves_nothing_behind(tmp_path, full_disk, exists):
    folder, plan = tmp_path / "fur", PluginPlan("fur")
    if exists:
        folder.mkdir()
    size = len(next(iter(plan.files().values())).encode())  # the first file fits
    with full_disk(size), pytest.raises(ReidbenchError, match="the plugin can't be written: File too large") as caught:
        write_plugin(plan, folder)
    assert caught.value.where == f"--output {folder}"
    assert not list(folder.iterdir()) if exists else not folder.exists()
