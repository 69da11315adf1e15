"""``plugin new`` writes a complete package in good style, and its errors are one clear message."""

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
def test_a_package_is_in_style_and_imports_only_public_names(tmp_path, kind):
    for path in write_plugin(PluginPlan("fur_pattern", kind), tmp_path / "plugin"):
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "reidbench":
                assert {alias.name for alias in node.names} <= set(reidbench.__all__)
            inner = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reidbench.")
            assert not inner or node.module == "reidbench.testing"  # the conformance kit, for its test
    for check in (["check", "--select", "E,F,I,UP,B,SIM"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", check[0], "--isolated", "--line-length", "120", *check[1:], tmp_path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout


def test_the_example_plugin_is_the_output_of_plugin_new():
    plan = PluginPlan("example_plugin")
    written = {path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*") if path.is_file()}
    assert {name for name in written if "__pycache__" not in name} == set(plan.files())
    for name, text in plan.files().items():
        assert (EXAMPLE / name).read_text() == text, f"write it again: reidbench plugin new example_plugin ({name})"


@pytest.mark.parametrize(
    "name", ["", "Fur", "fur-pattern", "2fur", "fur pattern", "fur__x", "class", "../fur", "für", "x" * 41, "_x"]
)
def test_the_remedy_for_an_invalid_name_is_a_valid_one(name):
    with pytest.raises(ReidbenchError, match="is no valid name") as caught:
        PluginPlan(name)
    PluginPlan(caught.value.remedy.split()[-1])


def test_a_taken_name_is_refused():
    with pytest.raises(ReidbenchError, match="already has a method 'sift'"):
        check_free(PluginPlan("sift"))
    with pytest.raises(ReidbenchError, match="'reidbench_triplet' is already installed"):
        check_free(PluginPlan("triplet"))
    check_free(PluginPlan("a_free_name"))


def test_unknown_kinds_and_licences_are_refused():
    with pytest.raises(ReidbenchError, match="unknown kind of method 'tree'"):
        PluginPlan("fur", "tree")
    with pytest.raises(ReidbenchError, match="no SPDX licence expression"):
        PluginPlan("fur", licence='MIT"\nname = "x')


def test_existing_files_are_not_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(ReidbenchError, match="will not be overwritten"):
        write_plugin(PluginPlan("fur"), tmp_path)
    with pytest.raises(ReidbenchError, match="will not be overwritten"):
        write_plugin(PluginPlan("fur"), tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert write_plugin(PluginPlan("fur"), tmp_path / "empty")


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_is_one_error_and_leaves_no_files(tmp_path, full_disk, exists):
    folder, plan = tmp_path / "fur", PluginPlan("fur")
    if exists:
        folder.mkdir()
    size = len(next(iter(plan.files().values())).encode())  # the first file fits
    with full_disk(size), pytest.raises(ReidbenchError, match="the plugin cannot be written: File too large") as caught:
        write_plugin(plan, folder)
    assert caught.value.where == f"--output {folder}"
    assert not list(folder.iterdir()) if exists else not folder.exists()
