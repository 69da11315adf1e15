"""Who may import whom, and what must stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import reidbench

ROOT = Path(__file__).parent.parent


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_the_core_imports_no_plugin():
    for path in (ROOT / "reidbench").rglob("*.py"):
        for name in imports_of(path):
            assert not name.startswith(("reidbench_", "plugins")), f"{path} imports {name}"


def test_a_plugin_imports_only_public_names():
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "reidbench":
                assert {alias.name for alias in node.names} <= set(reidbench.__all__), path
        for name in imports_of(path):
            assert not name.startswith(("reidbench.", "plugins")), f"{path} imports {name}"


def test_no_public_name_is_hidden_by_a_module():
    modules = {path.stem for path in (ROOT / "reidbench").iterdir()}
    assert not modules & set(reidbench.__all__)


def test_every_public_name_loads():
    for name in reidbench.__all__:
        assert getattr(reidbench, name) is not None


@pytest.mark.parametrize(
    "arguments", [["--help"], ["methods"], ["compare", "--help"], ["run", "--help"], ["report", "--help"]]
)
def test_light_commands_import_no_torch(arguments):
    code = (
        "import sys; from reidbench.cli.main import main\n"
        f"sys.argv = ['reidbench', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'timm', 'kornia'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
