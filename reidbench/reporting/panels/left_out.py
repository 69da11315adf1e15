"""Panels "Left out" and "Failed": runs that have no row, because their record can't be read or the run failed."""

from __future__ import annotations

from reidbench.reporting.panels.base import PagePanel, sheet_sections
from reidbench.reporting.small_tables import failure_sheets, unreadable_sheets

PANEL = PagePanel(
    lambda report: sheet_sections([*unreadable_sheets(report.unreadable), *failure_sheets(report.failures)])
)
