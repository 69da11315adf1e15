"""Everything that is printed goes through the printers that make text of users safe."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRINTERS = {
    "reidbench/progress.py": {"Console", "write"},  # the printers
    "reidbench/cli/confirmation.py": {"confirm"},  # with `visible`
    "reidbench/cli/main.py": {"write"},  # a usage error of click, with `visible`
}
BYPASS = {"print", "echo", "secho", "Console", "confirm", "prompt", "input", "writelines"}


def bypasses(code):
    """Yield the calls in a source file that print text without a printer."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in BYPASS - {"confirm"}:
            yield function.id
        elif isinstance(function, ast.Attribute):
            owner = ast.unparse(function.value)
            if function.attr in BYPASS and owner in ("typer", "click", "rich", "rich.console", "builtins"):
                yield function.attr
            elif function.attr in ("write", "writelines") and owner in ("sys.stdout", "sys.stderr", "sys.__stdout__"):
                yield "write"


@pytest.mark.parametrize(
    "code",
    [
        "print(name)",
        "typer.echo(name)",
        "typer.secho(name)",
        "typer.confirm(name)",
        "click.echo(name)",
        "Console().log(name)",
        "rich.print(name)",
        "sys.stderr.write(name)",
        "input(name)",
    ],
)
def test_a_call_that_bypasses_the_printers_is_found(code):
    assert list(bypasses(code))


def test_no_module_bypasses_the_printers():
    paths = [*(ROOT / "reidbench").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    assert len(paths) > 100
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        calls = set(bypasses(path.read_text(encoding="utf-8")))
        assert calls <= PRINTERS.get(name, set()), f"{name} prints without a printer: {calls}"
