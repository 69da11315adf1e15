"""The map in docs/design.md shows the tree as it is."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
CORE = ROOT / "reidbench"


def test_the_map_lists_every_package_and_no_other():
    table = TEXT.partition("## Map of the packages")[2].partition("Below them")[0]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(path.parent.name for path in CORE.glob("*/__init__.py"))


def test_the_map_is_in_the_order_of_the_layers():
    table = TEXT.partition("## Map of the packages")[2].partition("Below them")[0]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    layers = re.search(r"layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.DOTALL)
    floor = {name: row for row, line in enumerate(re.findall(r'"(.+?)"', layers[1])) for name in line.split(" | ")}
    assert [floor[name] for name in listed] == sorted(floor[name] for name in listed)


def test_few_modules_lie_outside_a_package():
    loose = [path.name for path in CORE.glob("*.py") if path.name != "__init__.py"]
    assert len(loose) <= 8, loose


def test_every_file_and_name_that_the_page_points_to_exists():
    pointers = TEXT.partition("## Where to find")[2].partition("## Decisions")[0]
    paths = set(re.findall(r"`([a-z_]+/[\w/]+\.py)`", pointers))
    assert paths
    code = {path: (CORE / path).read_text(encoding="utf-8") for path in sorted(paths)}
    for path, name in re.findall(r"`([a-z_]+/[\w/]+\.py)`: `(\w+)`", pointers):
        assert re.search(rf"def {name}\b", code[path]), f"{path} has no {name}"
