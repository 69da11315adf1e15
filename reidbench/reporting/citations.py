"""The sources to cite with the numbers: datasets, methods and weights with their licences, and reidbench itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reidbench.errors import ReidbenchError
from reidbench.records.run_record import RunRecord
from reidbench.registry.registered import Registry, load_registry
from reidbench.version import __version__


@dataclass(frozen=True, slots=True, order=True)
class Citation:
    """One source to cite; ``licence`` is empty if it is not known."""

    kind: str
    name: str
    source: str
    licence: str = ""


def citations_of(records: Sequence[RunRecord], registry: Registry | None = None) -> list[Citation]:
    """Return the sources of all runs, each once, datasets first.

    The source of a method comes from its specification, so no method is loaded. If the plugin is not installed, the
    citation says so.
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
    size = f"{data.n_images} images of {data.n_identities} identities"
    note = data.note
    if not source and not note:
        note = "the record names no source: cite the authors of these photographs"
    return Citation(
        "Datasets", run.dataset, "; ".join(filter(None, (size, note, str(source)))), summary.get("licenses", "")
    )


def wildlife_summary(name: str) -> dict[str, str]:
    """Return the summary that wildlife-datasets has of one of its datasets, as text; empty for other datasets."""
    from reidbench.data.sources.wildlife import wildlife_names

    if name not in wildlife_names():
        return {}
    from wildlife_datasets import datasets  # takes seconds, so only for the names of this library

    summary = getattr(getattr(datasets, name), "summary", None) or {}
    return {str(key): str(value) for key, value in dict(summary).items() if value is not None}
