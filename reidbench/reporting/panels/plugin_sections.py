"""The sections of plugins: their text, tables and pictures, or the reason why a section could not be made."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.registry.sections import section_view
from reidbench.reporting.blocks import Remark, Section
from reidbench.reporting.panels.base import PagePanel, Report


def _sections(report: Report) -> Iterator[Section]:
    for offer in report.registry.sections:
        made = section_view(offer.spec, offer.distribution, report.records)
        if made is not None:
            yield Section(made.title, [Remark(made.failure)] if made.failure else made.blocks)


PANEL = PagePanel(_sections, prefix="section")
