"""Panel "Citations and licences": datasets, methods and weights to cite, and reidbench itself."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.reporting.blocks import Block, Heading, References, Section
from reidbench.reporting.citations import citations_of
from reidbench.reporting.panels.base import PagePanel, Report


def _sections(report: Report) -> Iterator[Section]:
    blocks: list[Block] = []
    citations = citations_of(report.records, report.registry)
    for kind in dict.fromkeys(citation.kind for citation in citations):
        sources = [(each.name, each.source, each.licence) for each in citations if each.kind == kind]
        blocks += [Heading(kind), References(sources)]
    yield Section("Citations and licences", blocks, anchor="citations")


PANEL = PagePanel(_sections)
