"""What to cite beside the numbers: datasets, methods and weights, with their licences, and reidbench itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reidbench.errors import ReidbenchError
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Registry, load_registry
from reidbench.version import __version__


@dataclass(frozen=True, slots=True, order=True)
class Citation:
    """One thing to cite; ``licence`` is empty where none is known."""

    kind: str
    name: str
    source: str
    licence: str = ""


def citations_of(records: Sequence[RunRecord], registry: Registry | None = None) -> list[Citation]:
    """Return everything that the runs rest on, each once, datasets first.

    A method's source comes from its plugin where that is installed, so no plugin's code is loaded for it.
    """
    registry = registry or load_registry()
    datasets = {_dataset(run) for run in records}
    methods, weights = set(), set()
    for name in sorted({run.method for run in records}):
        try:
            spec = registry.find(name).spec
        except ReidbenchError:
            methods.add(Citation("Methods", name, "its plugin is not installed here"))
            continue
        methods.add(Citation("Methods", name, f"{spec.summary}. {spec.source}".rstrip(". ") + ".", spec.licence))
    for run in records:
        used = run.data.weights
        if used.pretrained:
            digest = f", SHA-256 {used.sha256[:12]}…" if used.sha256 else ""
            weights.add(Citation("Weights", used.label, f"{used.source}{digest}", used.licence or "not recorded"))
    tool = Citation("Tool", f"reidbench {__version__}", "The reidbench authors; see CITATION.cff.", "MIT")
    return [*sorted(datasets), *sorted(methods), *sorted(weights), tool]


def _dataset(run: RunRecord) -> Citation:
    data = run.data.dataset
    summary = wildlife_summary(run.dataset)
    source = summary.get("publication_url") or summary.get("url") or ""
    told = f"{data.n_images} images of {data.n_identities} identities"
    note = data.note
    if not source and not note:
        note = "the record names no source: cite whoever made these photographs"
    return Citation(
        "Datasets", run.dataset, "; ".join(filter(None, (told, note, str(source)))), summary.get("licenses", "")
    )


def wildlife_summary(name: str) -> dict[str, str]:
    """Return what wildlife-datasets says of one of its classes, as text; empty for any other dataset."""
    from reidbench.data.sources.wildlife import wildlife_names

    if name not in wildlife_names():
        return {}
    from wildlife_datasets import datasets  # takes seconds, so only where the name is one of theirs

    summary = getattr(getattr(datasets, name), "summary", None) or {}
    return {str(key): str(value) for key, value in dict(summary).items() if value is not None}
