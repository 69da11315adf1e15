"""Panel "Carried thresholds": the score of a threshold that was chosen on one dataset and is used on another."""

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
    headings = ("method", "chosen on", "applied to", "runs", "score", "own", "oracle", "lost")
    cells = [(each.method, each.chosen_on, each.applied_to, *each.cells) for each in carried]
    text = (
        "The score on the test part of one dataset with a threshold that was chosen on another, for methods with "
        "equal settings and weights. Own: the score with the threshold that was chosen on the dataset itself. Lost: "
        "own minus score."
    )
    yield Section("Carried thresholds", [Remark(text), SectionTable(headings, cells, n_names=3)], anchor="carried")


PANEL = PagePanel(_sections)
