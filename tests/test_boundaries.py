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
    "arguments", [["--help"], ["methods"], ["weights"], ["compare", "--help"], ["run", "--help"], ["report", "--help"]]
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


WRITING = {
    "write_text", "write_bytes", "savez", "savez_compressed", "savetxt", "tofile", "memmap", "to_csv", "to_parquet",
    "to_pickle", "imwrite", "save_file", "save_model", "copyfile", "copy2", "copytree", "move", "symlink_to",
    "hardlink_to", "save", "touch", "unlink", "rmdir", "rmtree", "removedirs", "mkstemp", "mkdtemp",
    "NamedTemporaryFile",
}  # fmt: skip
"""Functions and methods that change a disk, of whatever they are called on."""
WRITING_OF = {
    "os": {"replace", "rename", "renames", "remove", "link", "symlink", "truncate"},
    "json": {"dump"},
    "pickle": {"dump"},
    "shutil": {"copy"},
}
"""Methods that change a disk, but mean something else if they are called on another module or value."""

TEMPORARY = {
    "auditing/background.py": "without_animals",
    "data/patterns/make.py": "_draw_identity",
    "records/run_record.py": "_write_scores",
    "running/blindness.py": "relabelled",
    "running/shards.py": "_write_rows",
    "testing/drawn.py": "_renamed _save _no_image",
}
"""Functions that write to a path of `tempfile`, `whole_file` or `whole_folder` that their caller made."""
ELSEWHERE = {
    "networks/training/trainer.py": "fit",  # a training has a method `save`, which writes a checkpoint as a whole file
    "reporting/photographs.py": "thumbnail",  # an image is encoded in memory
    "testing/side_effects.py": "_begin_memory",  # a switch of the kernel
}
"""Functions whose calls write no file."""


def writes_in(tree):
    """Yield the line, the function and the name of each call that writes, unless it is inside a `with whole_…`."""
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reidbench.")
        for alias in node.names
    }

    def visit(node, function, whole):
        for child in ast.iter_child_nodes(node):
            inner_function, inner_whole = function, whole
            if isinstance(child, ast.FunctionDef):
                inner_function = child.name
            if isinstance(child, ast.With):
                opened = [item.context_expr for item in child.items]
                names = {ast.unparse(each.func) for each in opened if isinstance(each, ast.Call)}
                inner_whole = whole or bool(names & {"whole_file", "whole_folder"})
            if isinstance(child, ast.Call) and not whole and (name := writing_name(child, ours)):
                yield child.lineno, inner_function, name
            yield from visit(child, inner_function, inner_whole)

    yield from visit(tree, "", False)


def writing_name(call, ours):
    """Return the name of a call that changes a disk, else nothing."""
    method = isinstance(call.func, ast.Attribute)
    name = call.func.attr if method else getattr(call.func, "id", "")
    owner = ast.unparse(call.func.value) if method else ""
    if name == "open":
        modes = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
        texts = [each.value for each in modes if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        return name if any(set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts) else ""
    if name in WRITING_OF.get(owner, ()):
        return name
    if name in ("replace", "rename") and method and owner != "dataclasses":  # of a path: of text it has two arguments
        return name if len(call.args) == 1 and not call.keywords else ""
    return name if name in WRITING and name not in ours else ""


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("path.open('w')", "open"),
        ("open(path, mode='ab')", "open"),
        ("gzip.open(path, 'wt')", "open"),
        ("path.write_text(text)", "write_text"),
        ("temporary.replace(path)", "replace"),
        ("path.rename(other)", "rename"),
        ("os.rename(a, b)", "rename"),
        ("np.savez(path, x=x)", "savez"),
        ("image.save(path)", "save"),
        ("from safetensors.numpy import save_file\nsave_file(x, path)", "save_file"),
        ("path.unlink()", "unlink"),
        ("json.dump(x, file)", "dump"),
        ("path.open()", None),
        ("open(path, 'rb')", None),
        ("Image.open(path)", None),
        ("text.replace('a', 'b')", None),
        ("replace(images, name='x')", None),
        ("dataclasses.replace(images, name='x')", None),
        ("table.rename(columns=names)", None),
        ("model.model_dump()", None),
        ("from reidbench.files import write_text\nwrite_text(path, text)", None),
        ("with whole_file(path) as temporary:\n  np.savez(temporary, x=x)", None),
        ("with explained, whole_folder(path) as folder:\n  (folder / 'a').write_text('')", None),
    ],
)
def test_a_call_that_writes_is_found(code, name):
    assert [found for _, _, found in writes_in(ast.parse(code))] == ([] if name is None else [name])


def test_only_one_module_writes_files():
    allowed = {path: functions.split() for path, functions in (*TEMPORARY.items(), *ELSEWHERE.items())}
    found, used = [], set()
    for path in sorted((ROOT / "reidbench").rglob("*.py")):
        module = path.relative_to(ROOT / "reidbench").as_posix()
        if module == "files.py":
            continue
        for line, function, name in writes_in(ast.parse(path.read_text(encoding="utf-8"))):
            if function in allowed.get(module, ()):
                used.add((module, function))
            else:
                found.append(f"reidbench/{module}:{line} calls {name} in {function or 'the module'}")
    assert not found, "write through reidbench.files, or below a temporary folder: " + "; ".join(found)
    assert used == {(module, function) for module, functions in allowed.items() for function in functions}
