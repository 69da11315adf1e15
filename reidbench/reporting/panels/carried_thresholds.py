"""Panel "Carried thresholds": what a threshold chosen on one dataset scores on another."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.registry.sections import SectionTable
from reidbench.reporting.blocks import Remark, Section
from reidbench.reporting.carried import carried_thresholds
from reidbench.reporting.panels.base import PagePanel, Report


def _sections(report: Report) -> Iterator[Section]:
    carried = carried_thresholds(report.rows)
    if not carried:
        return
    headings = ("method", "chosen on", "applied to", "runs", "score", "its own", "oracle", "lost")
    cells = [(each.method, each.chosen_on, each.applied_to, *each.cells) for each in carried]
    told = (
        "What a threshold chosen on one dataset scores on the test part of another, for methods with equal settings "
        "and weights. Lost: against the threshold that was chosen there."
    )
    yield Section("Carried thresholds", [Remark(told), SectionTable(headings, cells, n_names=3)], anchor="carried")


PANEL = PagePanel(_sections)
