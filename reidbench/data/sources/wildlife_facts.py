"""Facts about the datasets of wildlife-datasets, read from its source code, because its import takes seconds."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_PUBLISHED = {"WildlifeReID10k": (140_488, 10_772)}
"""Numbers of images and animals in publications, where the library has a typing error.

WildlifeReID-10k: Adam, Čermák, Papafitsoros and Picek 2024. The library says 214,262 images of 1,034,478 animals.
"""


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """Facts that wildlife-datasets states about a dataset; ``None`` or empty if it states nothing.

    Attributes:
        animals: The animals in the photographs.
        n_images: Number of images that the authors report.
        n_identities: Number of animals that the authors report.
        size_mb: Size of the download in megabytes.
        licence: Name of the licence.
    """

    animals: str = ""
    n_images: int | None = None
    n_identities: int | None = None
    size_mb: float | None = None
    licence: str = ""


def wildlife_facts() -> dict[str, DatasetFacts]:
    """Return facts by class name, for each class with a literal summary in the library's source code."""
    spec = importlib.util.find_spec("wildlife_datasets")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(next(iter(spec.submodule_search_locations))) / "datasets"
    found: dict[str, DatasetFacts] = {}
    for path in sorted(folder.glob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError):
            continue
        found |= _facts_of(tree)
    for name, (n_images, n_identities) in _PUBLISHED.items():
        if name in found:
            found[name] = replace(found[name], n_images=n_images, n_identities=n_identities)
    return found


def _facts_of(tree: ast.Module) -> dict[str, DatasetFacts]:
    written: dict[str, dict[str, Any]] = {}
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            try:
                value = ast.literal_eval(node.value)
            except ValueError:
                continue
            written |= {target.id: value for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                names = (
                    [t.id for t in inner.targets if isinstance(t, ast.Name)] if isinstance(inner, ast.Assign) else []
                )
                if "summary" in names and isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Name):
                    found[node.name] = _stated(written.get(inner.value.id, {}))
    return found


def _stated(summary: dict[str, Any]) -> DatasetFacts:
    def number(key: str) -> float | None:
        value = summary.get(key)
        return float(value) if isinstance(value, int | float) else None

    n_images, n_identities = number("reported_n_total"), number("reported_n_individuals")
    return DatasetFacts(
        animals=str(summary.get("animals_simple") or ""),
        n_images=None if n_images is None else int(n_images),
        n_identities=None if n_identities is None else int(n_identities),
        size_mb=number("size"),
        licence=str(summary.get("licenses") or ""),
    )
